/* SPDX-License-Identifier: Apache-2.0
 *
 * train/live_depthwise_conv2d, 4 channels at a time over all positions, so that their weights are
 * widened once.
 *
 * One output channel for each input channel, in multiples of 4; edge_train_scale and int8
 * saturation hold the results. Scratch: 8 bytes for each tap.
 */
#include "edge/kernels.h"
#include "edge/train_dsp.h"

#ifdef __ARM_FEATURE_DSP

enum { CHANNELS = 4, RUN = 8 };

/* Along one axis, the taps [first, first + count) that meet the input, the first one at `start`. */
typedef struct {
    int32_t first, count, start;
} span;

static span span_of(int32_t at, int32_t kernel, int32_t dilation, int32_t size) {
    const int32_t first = at < 0 ? (dilation - 1 - at) / dilation : 0;
    const int32_t end = at < size ? (size - at + dilation - 1) / dilation : 0;
    const span s = {first, (end < kernel ? end : kernel) - first, at + first * dilation};
    return s;
}

/* The rows of a window. Returns whether there are any. */
static int set_rows(const edge_window *s, edge_train_taps *taps, int32_t oy, span *rows) {
    *rows = span_of(oy * s->stride_h - s->pad_top, s->kernel_h, s->dilation_h, s->in_h);
    taps->rows = rows->count;
    return rows->count > 0;
}

static void accumulate(const edge_window *s, edge_train_taps *taps, const int8_t *x,
                       const uint32_t *w, int32_t ox) {
    const span columns =
        span_of(ox * s->stride_w - s->pad_left, s->kernel_w, s->dilation_w, s->in_w);
    if (columns.count > 0) {
        taps->x = x + columns.start * s->in_c;
        taps->weights = w + 2 * columns.first;
        taps->columns = columns.count;
        taps->x_row = s->dilation_h * s->in_w * s->in_c - columns.count * taps->x_step;
        taps->weight_row = 8 * (s->kernel_w - columns.count);
        edge_traindsp_taps_4(taps);
    }
}

/* Outputs of one row, as many as fit `sums`. */
static void make_run(const edge_window *s, edge_train_taps *taps, const int8_t *x,
                     const uint32_t *w, int32_t oy, int32_t ox, int32_t count, int32_t *sums) {
    span rows;
    memset(sums, 0, (size_t)count * CHANNELS * sizeof *sums);
    if (set_rows(s, taps, oy, &rows)) {
        x += rows.start * s->in_w * s->in_c;
        w += 2 * rows.first * s->kernel_w;
        for (taps->sums = sums; count > 0; count--, ox++, taps->sums += CHANNELS) {
            accumulate(s, taps, x, w, ox);
        }
    }
}

static void make_channels(const edge_live *layer, const int8_t *x, const uint32_t *w,
                          const edge_train_scale *scales, int8_t *out, uint8_t *mask,
                          int32_t channel) {
    const edge_window *s = &layer->window;
    int32_t sums[RUN * CHANNELS], index = channel;
    uint32_t bits[RUN];
    edge_train_taps taps = {.x_step = s->dilation_w * s->in_c,
                            .minus = edge_train_both(-layer->in_zero_point)};
    edge_train_store stored = {
        sums, scales, out + channel, bits, 4, 16, s->out_c - CHANNELS, 0, scales + CHANNELS};
    for (int32_t oy = 0; oy < s->out_h; oy++) {
        for (int32_t ox = 0; ox < s->out_w; ox += RUN) {
            stored.positions = s->out_w - ox < RUN ? s->out_w - ox : RUN;
            make_run(s, &taps, x, w, oy, ox, stored.positions, sums);
            edge_traindsp_store(&stored);
            stored.out += stored.positions * s->out_c;
            for (int32_t p = 0; p < stored.positions; p++, index += s->out_c) {
                edge_train_add_bits(mask, index, bits[p]);
            }
        }
    }
}

void edge_traindsp_live_depthwise_conv2d(const void *descriptor, const edge_rows *in, int32_t y,
                                         void *out, void *scratch) {
    const edge_live *layer = descriptor;
    const edge_window *s = &layer->window;
    const int8_t *x = in[0].data, *w = in[1].data;
    uint8_t *mask = (uint8_t *)in[5].data;
    (void)y;
    edge_train_clear(mask, s->out_h * s->out_w * s->out_c);
    for (int32_t c = 0; c < s->out_c; c += CHANNELS) {
        edge_train_scale scales[CHANNELS];
        for (int32_t i = 0; i < CHANNELS; i++) {
            scales[i] = edge_train_scale_of(&layer->requantize, in[2].data, c + i);
        }
        edge_train_widen_taps(scratch, w + c, s->out_c, s->kernel_h * s->kernel_w);
        make_channels(layer, x + c, scratch, scales, out, mask, c);
    }
}

#endif
