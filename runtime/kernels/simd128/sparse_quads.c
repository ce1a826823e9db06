/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of 4 output channels x 2 inputs on strips of 8 or 4 pixels, or on one pixel; sparse.h.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include "sparse_rows.h"

enum { HEIGHT = 4 };

void edge_simd128_sparse_quads(const edge_simd_sparse *sparse, int32_t pixels, int8_t *to) {
    edge_simd_rows_of(EDGE_SIMD_QUADS, sparse, pixels, to);
}

/* The sums of a row without bias. */
static v128_t sum_1(const int16_t *strip, const uint8_t *skipped, const int8_t *data,
                    int32_t count) {
    v128_t sum = wasm_i32x4_const_splat(0);
    for (int32_t i = 0; i < count; i++, strip += 2, data += 2 * HEIGHT) {
        strip += 2 * skipped[i];
        sum = wasm_i32x4_add(
            sum, wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(data), wasm_v128_load32_splat(strip)));
    }
    return sum;
}

static v128_t finish_1(const edge_simd_output *output, v128_t sum, const int32_t *k) {
    v128_t made;
    if (k[EDGE_SIMD_IS_FLOAT]) {
        const v128_t raised = wasm_i32x4_shl(sum, EDGE_SIMD_FRACTION_BITS);
        made =
            edge_simd_scale_float(wasm_i32x4_add(raised, wasm_v128_load(k)), k + EDGE_SIMD_SCALE);
        return edge_simd_stored(output, made, made, made, made, EDGE_SIMD_FLOAT);
    }
    made =
        edge_simd_scale(wasm_i32x4_add(sum, wasm_v128_load(k)), k + EDGE_SIMD_SCALE, EDGE_SIMD_ANY);
    return edge_simd_stored(output, made, made, made, made, EDGE_SIMD_ANY);
}

void edge_simd128_sparse_quads_1(const edge_simd_sparse *sparse, int8_t *to) {
    const uint8_t *w = sparse->weights;
    for (int32_t c = 0; c < sparse->channels; c += HEIGHT) {
        const int32_t count = edge_simd_count(w), left = sparse->channels - c;
        const int8_t *const data = (const int8_t *)w + 2 + count;
        const v128_t sum = sum_1(sparse->strips, w + 2, data, count);
        const int32_t *const k = sparse->records + c / HEIGHT * EDGE_SIMD_RECORD;
        int8_t made[16];
        wasm_v128_store(made, finish_1(&sparse->output, sum, k));
        memcpy(to + c, made, (size_t)(left < HEIGHT ? left : HEIGHT));
        w = (const uint8_t *)data + count * 2 * HEIGHT;
    }
}

#endif
