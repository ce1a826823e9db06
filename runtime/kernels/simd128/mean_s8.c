/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean over all positions, int8, 8 channels at a time:
 *
 *     out[c] = requantized (bias[0] + sum over p of x[p][c])
 *
 * Accumulator: int16 over at most 255 positions, then int32.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include <wasm_simd128.h>

#include "edge/requantize.h"

enum { BLOCK = 8, POSITIONS_IN_INT16 = 255 };

static v128_t sum_of(const int8_t *x, int32_t positions, int32_t channels) {
    v128_t sum = wasm_i16x8_const_splat(0);
    for (; positions > 0; positions--, x += channels) {
        sum = wasm_i16x8_add(sum, wasm_i16x8_load8x8(x));
    }
    return sum;
}

static void eight_channels(const edge_mean *layer, const int8_t *x, int8_t *to) {
    const v128_t start = wasm_i32x4_splat(layer->requantize.bias[0]);
    v128_t low = start, high = start;
    int32_t sums[BLOCK];
    for (int32_t left = layer->positions; left > 0; left -= POSITIONS_IN_INT16) {
        const int32_t some = left < POSITIONS_IN_INT16 ? left : POSITIONS_IN_INT16;
        const v128_t sum = sum_of(x, some, layer->channels);
        low = wasm_i32x4_add(low, wasm_i32x4_extend_low_i16x8(sum));
        high = wasm_i32x4_add(high, wasm_i32x4_extend_high_i16x8(sum));
        x += some * layer->channels;
    }
    wasm_v128_store(sums, low);
    wasm_v128_store(sums + 4, high);
    for (int32_t i = 0; i < BLOCK; i++) {
        to[i] = edge_requantized(&layer->requantize, 0, sums[i]);
    }
}

static int8_t one_channel(const edge_mean *layer, const int8_t *x) {
    int32_t sum = layer->requantize.bias[0];
    for (int32_t p = 0; p < layer->positions; p++, x += layer->channels) {
        sum += *x;
    }
    return edge_requantized(&layer->requantize, 0, sum);
}

void edge_simd128_mean_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                          void *scratch) {
    const edge_mean *layer = descriptor;
    const int8_t *x = in->data;
    int8_t *to = out;
    int32_t c = 0;
    (void)y;
    (void)scratch;
    for (; c + BLOCK <= layer->channels; c += BLOCK) {
        eight_channels(layer, x + c, to + c);
    }
    for (; c < layer->channels; c++) {
        to[c] = one_channel(layer, x + c);
    }
}

#endif
