/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling, int8, one output row: the sums of runtime/kernels/ref/avg_pool2d_s8.c taken for
 * 8 channels at a time as int16.
 *
 * Accumulator: kernel_h * kernel_w <= 255, so |sum| <= 255 * 128 < 2^15.
 */
#include "edge/kernels.h"
#include "edge/mve.h"
#include "edge/requantize.h"

#ifdef __ARM_FEATURE_MVE

#include <arm_mve.h>

/* The part of a window inside the input: rows from y_begin to y_end, `columns` from the byte
 * `offset` of each row on. */
typedef struct {
    int32_t y_begin, y_end, columns, offset;
} extent;

static int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static int32_t smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static extent inside(const edge_pool2d *layer, int32_t rows, int32_t y, int32_t ox) {
    const int32_t iy = y * layer->stride_h - layer->pad_top;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    const int32_t begin = larger(ix, 0), end = smaller(ix + layer->kernel_w, layer->in_w);
    const extent window = {larger(iy, 0), smaller(iy + layer->kernel_h, rows), end - begin,
                           begin * layer->in_c};
    return window;
}

static int8_t average(const edge_pool2d *layer, int32_t total, int32_t count) {
    const edge_requantize *q = &layer->requantize;
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_requantized(q, count - 1, total - count * layer->in_zero_point);
    }
    const int32_t half = total < 0 ? -(count / 2) : count / 2;
    return (int8_t)edge_clamp((total + half) / count, q->minimum, q->maximum);
}

static void eight_channels(const edge_pool2d *layer, const edge_rows *in, const extent *window,
                           int32_t c, int8_t *out) {
    const int32_t channels = smaller(layer->in_c - c, 8);
    const mve_pred16_t present = vctp16q((uint32_t)channels);
    int16x8_t sum = vdupq_n_s16(0);
    int16_t sums[8];
    for (int32_t iy = window->y_begin; iy < window->y_end; iy++) {
        const int8_t *x = (const int8_t *)edge_row(in, iy) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            sum = vaddq_s16(sum, vldrbq_z_s16(x, present));
        }
    }
    vst1q_s16(sums, sum);
    const int32_t count = (window->y_end - window->y_begin) * window->columns;
    for (int32_t i = 0; i < channels; i++) {
        out[i] = average(layer, sums[i], count);
    }
}

void edge_mve_avg_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_pool2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->in_c) {
        const extent window = inside(layer, in->rows, y, ox);
        for (int32_t c = 0; c < layer->in_c; c += 8) {
            eight_channels(layer, in, &window, c, to + c);
        }
    }
}

#endif
