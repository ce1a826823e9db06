/* SPDX-License-Identifier: Apache-2.0
 *
 * train/depthwise_conv2d_input_gradient, 4 channels at a time over all positions, so that their
 * weights are widened once.
 *
 * One output channel for each input channel, in multiples of 4; dilation 1. Scratch: 8 bytes for
 * each tap.
 */
#include "edge/kernels.h"
#include "edge/train_dsp.h"

#ifdef __ARM_FEATURE_DSP

enum { CHANNELS = 4 };

/* Along one axis, the outputs that an input takes part in: from `start` down, `count` of them, of
 * which the first one meets it with the tap `first`, and each next one a stride further. */
typedef struct {
    int32_t first, count, start;
} span;

static span span_of(int32_t at, int32_t stride, int32_t kernel, int32_t size) {
    const int32_t start = at / stride < size ? at / stride : size - 1;
    const int32_t first = at - start * stride, most = (kernel - first + stride - 1) / stride;
    const span s = {first, most < start + 1 ? most : start + 1, start};
    return s;
}

/* Where tap kx lies in a row of widened weights: those that meet one input lie side by side. */
static int32_t place_of(const edge_window *s, int32_t kx) {
    if (s->stride_w == 1) {
        return kx;
    }
    const int32_t phase = kx % s->stride_w, longer = s->kernel_w % s->stride_w;
    return kx / s->stride_w + phase * (s->kernel_w / s->stride_w) +
           (phase < longer ? phase : longer);
}

static void widen_all(const edge_window *s, uint32_t *to, const int8_t *w) {
    for (int32_t ky = 0; ky < s->kernel_h; ky++, to += 2 * s->kernel_w) {
        for (int32_t kx = 0; kx < s->kernel_w; kx++, w += s->out_c) {
            edge_train_widen(to + 2 * place_of(s, kx), 1, w, 1, 0);
        }
    }
}

static void accumulate(const edge_window *s, edge_train_taps *taps, const int8_t *gradient,
                       const uint32_t *w, int32_t ix) {
    const span columns = span_of(ix + s->pad_left, s->stride_w, s->kernel_w, s->out_w);
    if (columns.count > 0) {
        taps->x = gradient + columns.start * s->out_c;
        taps->weights = w + 2 * place_of(s, columns.first);
        taps->columns = columns.count;
        taps->x_row = (columns.count - s->out_w) * s->out_c;
        taps->weight_row = 8 * (s->stride_h * s->kernel_w - columns.count);
        edge_traindsp_taps_4(taps);
    }
}

static int32_t largest_of(const int8_t *gradient, int32_t count) {
    uint32_t most = 0, least = 0;
    int32_t largest = 0;
    for (; count > 0; count -= 4, gradient += 4) {
        const uint32_t word = edge_dsp_load(gradient);
        most = edge_dsp_max(most, word);
        least = edge_dsp_min(least, word);
    }
    for (int32_t i = 0; i < 4; i++, most >>= 8, least >>= 8) {
        const int32_t above = (int8_t)(most & 255), below = -(int8_t)(least & 255);
        largest = above > largest ? above : largest;
        largest = below > largest ? below : largest;
    }
    return largest;
}

/* One row of the input's gradient, for 4 channels. */
static void make_row(const edge_window *s, edge_train_taps *taps, const int8_t *gradient,
                     const uint32_t *w, int32_t iy, int32_t right, int16_t *out) {
    const span rows = span_of(iy + s->pad_top, s->stride_h, s->kernel_h, s->out_h);
    int32_t sums[CHANNELS];
    gradient += rows.start * s->out_w * s->out_c;
    w += 2 * rows.first * s->kernel_w;
    taps->rows = rows.count;
    taps->sums = sums;
    for (int32_t ix = 0; ix < s->in_w; ix++, out += s->in_c) {
        memset(sums, 0, sizeof sums);
        if (rows.count > 0) {
            accumulate(s, taps, gradient, w, ix);
        }
        edge_dsp_store(out,
                       edge_train_pair(edge_medium(sums[0], right), edge_medium(sums[1], right)));
        edge_dsp_store(out + 2,
                       edge_train_pair(edge_medium(sums[2], right), edge_medium(sums[3], right)));
    }
}

void edge_traindsp_depthwise_conv2d_input_gradient(const void *descriptor, const edge_rows *in,
                                                   int32_t y, void *out, void *scratch) {
    const edge_window *s = descriptor;
    const int8_t *gradient = in[0].data, *w = in[2].data;
    const int32_t channels = s->out_c, row = s->in_w * channels;
    const int32_t most = edge_overlap(s) * largest_of(gradient, s->out_h * s->out_w * channels);
    const int32_t right = edge_excess_bits(128 * most, 15);
    edge_train_taps taps = {.x_step = -channels};
    (void)y;
    for (int32_t c = 0; c < channels; c += CHANNELS) {
        int16_t *to = (int16_t *)out + c;
        widen_all(s, scratch, w + c);
        for (int32_t iy = 0; iy < s->in_h; iy++, to += row) {
            make_row(s, &taps, gradient + c, scratch, iy, right, to);
        }
    }
    edge_set_exponent(&in[3], edge_exponent(&in[1]) + right);
}

#endif
