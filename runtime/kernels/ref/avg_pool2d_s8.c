/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling, int8, one output row. With the sum taken over the `count` positions of the
 * window that lie inside the input (iy = y * stride_h - pad_top + ky, ix = ox * stride_w - pad_left
 * + kx, 0 <= ky < kernel_h, 0 <= kx < kernel_w):
 *
 *     ONCE:  out[ox][c] = sum x[iy][ix][c] - in_zero_point, requantized with the constants of count
 *     TWICE: out[ox][c] = clamp(sum x[iy][ix][c] / count rounded half away from zero)
 *
 * Accumulator: count <= 255 * 255, so |sum| <= 255 * 2^16 < 2^24.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

/* The part of a window inside the input: rows and columns [begin, end). */
typedef struct {
    int32_t y_begin, y_end, x_begin, x_end;
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
    const extent window = {larger(iy, 0), smaller(iy + layer->kernel_h, rows), larger(ix, 0),
                           smaller(ix + layer->kernel_w, layer->in_w)};
    return window;
}

static int32_t sum(const edge_pool2d *layer, const edge_rows *in, extent window, int32_t c) {
    int32_t total = 0;
    for (int32_t iy = window.y_begin; iy < window.y_end; iy++) {
        const int8_t *row = edge_row(in, iy);
        for (int32_t ix = window.x_begin; ix < window.x_end; ix++) {
            total += row[ix * layer->in_c + c];
        }
    }
    return total;
}

static int8_t average(const edge_pool2d *layer, int32_t total, int32_t count) {
    const edge_requantize *q = &layer->requantize;
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_requantized(q, count - 1, total - count * layer->in_zero_point);
    }
    const int32_t half = total < 0 ? -(count / 2) : count / 2;
    return (int8_t)edge_clamp((total + half) / count, q->minimum, q->maximum);
}

void edge_ref_avg_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_pool2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        const extent window = inside(layer, in->rows, y, ox);
        const int32_t count = (window.y_end - window.y_begin) * (window.x_end - window.x_begin);
        EDGE_ASSERT(window.y_end > window.y_begin && window.x_end > window.x_begin);
        for (int32_t c = 0; c < layer->in_c; c++) {
            *to++ = average(layer, sum(layer, in, window, c), count);
        }
    }
}
