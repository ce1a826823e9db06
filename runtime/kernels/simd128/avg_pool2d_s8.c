/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling, int8, one output row: the sums of runtime/kernels/ref/avg_pool2d_s8.c taken for
 * 8 channels at a time in int16.
 *
 * Accumulator: kernel_h * kernel_w <= 255, so |sum| <= 255 * 128 < 2^15.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include <wasm_simd128.h>

#include "edge/requantize.h"
#include "window.h"

enum { BLOCK = 8 };

static int8_t average(const edge_pool2d *layer, int32_t total, int32_t count) {
    const edge_requantize *q = &layer->requantize;
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_requantized(q, count - 1, total - count * layer->in_zero_point);
    }
    const int32_t half = total < 0 ? -(count / 2) : count / 2;
    return (int8_t)edge_clamp((total + half) / count, q->minimum, q->maximum);
}

static void eight_channels(const edge_pool2d *layer, const edge_rows *in,
                           const edge_simd_window *window, int32_t c, int8_t *to) {
    const int32_t count = (window->y_end - window->y_begin) * window->columns;
    v128_t sum = wasm_i16x8_const_splat(0);
    int16_t sums[BLOCK];
    for (int32_t iy = window->y_begin; iy < window->y_end; iy++) {
        const int8_t *x = (const int8_t *)edge_row(in, iy) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            sum = wasm_i16x8_add(sum, wasm_i16x8_load8x8(x));
        }
    }
    wasm_v128_store(sums, sum);
    for (int32_t i = 0; i < BLOCK; i++) {
        to[i] = average(layer, sums[i], count);
    }
}

static void one_channel(const edge_pool2d *layer, const edge_rows *in,
                        const edge_simd_window *window, int32_t c, int8_t *to) {
    int32_t sum = 0;
    for (int32_t iy = window->y_begin; iy < window->y_end; iy++) {
        const int8_t *x = (const int8_t *)edge_row(in, iy) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            sum += *x;
        }
    }
    *to = average(layer, sum, (window->y_end - window->y_begin) * window->columns);
}

void edge_simd128_avg_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_pool2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->in_c) {
        const edge_simd_window window = edge_simd_window_of(layer, in->rows, y, ox);
        int32_t c = 0;
        for (; c + BLOCK <= layer->in_c; c += BLOCK) {
            eight_channels(layer, in, &window, c, to + c);
        }
        for (; c < layer->in_c; c++) {
            one_channel(layer, in, &window, c, to + c);
        }
    }
}

#endif
