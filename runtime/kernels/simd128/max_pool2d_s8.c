/* SPDX-License-Identifier: Apache-2.0
 *
 * Max pooling, int8, one output row, as runtime/kernels/ref/max_pool2d_s8.c, 16 channels at a time.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include <wasm_simd128.h>

#include "edge/requantize.h"
#include "window.h"

enum { BLOCK = 16 };

static void sixteen_channels(const edge_pool2d *layer, const edge_rows *in,
                             const edge_simd_window *window, int32_t c, int8_t *to) {
    const edge_requantize *q = &layer->requantize;
    v128_t most = wasm_i8x16_splat(q->minimum);
    for (int32_t iy = window->y_begin; iy < window->y_end; iy++) {
        const int8_t *x = (const int8_t *)edge_row(in, iy) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            most = wasm_i8x16_max(most, wasm_v128_load(x));
        }
    }
    wasm_v128_store(to, wasm_i8x16_min(most, wasm_i8x16_splat(q->maximum)));
}

static void one_channel(const edge_pool2d *layer, const edge_rows *in,
                        const edge_simd_window *window, int32_t c, int8_t *to) {
    const edge_requantize *q = &layer->requantize;
    int32_t most = INT8_MIN;
    for (int32_t iy = window->y_begin; iy < window->y_end; iy++) {
        const int8_t *x = (const int8_t *)edge_row(in, iy) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            most = *x > most ? *x : most;
        }
    }
    *to = (int8_t)edge_clamp(most, q->minimum, q->maximum);
}

void edge_simd128_max_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_pool2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->in_c) {
        const edge_simd_window window = edge_simd_window_of(layer, in->rows, y, ox);
        int32_t c = 0;
        for (; c + BLOCK <= layer->in_c; c += BLOCK) {
            sixteen_channels(layer, in, &window, c, to + c);
        }
        for (; c < layer->in_c; c++) {
            one_channel(layer, in, &window, c, to + c);
        }
    }
}

#endif
