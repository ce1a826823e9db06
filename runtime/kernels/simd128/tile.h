/* SPDX-License-Identifier: Apache-2.0
 *
 * What is made at once, 4 pixels of a block of 8 channels, and how it is stored. `stride` are the
 * bytes between pixels.
 */
#ifndef EDGE_SIMD128_TILE_H
#define EDGE_SIMD128_TILE_H

#include "edge/memory.h"
#include "scale.h"

enum { EDGE_SIMD_BLOCK = 8, EDGE_SIMD_PIXELS = 4 };

/* 8 channels of one pixel, or fewer at the end. */
static inline void edge_simd_store(int8_t *to, v128_t made, int32_t channels) {
    if (channels >= EDGE_SIMD_BLOCK) {
        wasm_v128_store64_lane(to, made, 0);
    } else {
        int8_t bytes[16];
        wasm_v128_store(bytes, made);
        memcpy(to, bytes, (size_t)channels);
    }
}

/* 4 pixels of 8 channels. */
EDGE_SIMD_INLINE void edge_simd_store_whole(const v128_t made[2], int32_t stride, int8_t *to) {
    wasm_v128_store64_lane(to, made[0], 0);
    wasm_v128_store64_lane(to + stride, made[0], 1);
    wasm_v128_store64_lane(to + 2 * stride, made[1], 0);
    wasm_v128_store64_lane(to + 3 * stride, made[1], 1);
}

static inline void edge_simd_store_part(const v128_t made[2], int32_t stride, int32_t pixels,
                                        int32_t channels, int8_t *to) {
    int8_t bytes[EDGE_SIMD_PIXELS * EDGE_SIMD_BLOCK];
    wasm_v128_store(bytes, made[0]);
    wasm_v128_store(bytes + 16, made[1]);
    for (int32_t p = 0; p < pixels && p < EDGE_SIMD_PIXELS; p++) {
        for (int32_t c = 0; c < channels && c < EDGE_SIMD_BLOCK; c++) {
            to[p * stride + c] = bytes[p * EDGE_SIMD_BLOCK + c];
        }
    }
}

/* `pixels` and `channels` of the tile, or all of it where there are more. */
EDGE_SIMD_INLINE void edge_simd_store_tile(const v128_t made[2], int32_t stride, int32_t pixels,
                                           int32_t channels, int8_t *to) {
    if (pixels >= EDGE_SIMD_PIXELS && channels >= EDGE_SIMD_BLOCK) {
        edge_simd_store_whole(made, stride, to);
    } else {
        edge_simd_store_part(made, stride, pixels, channels, to);
    }
}

#endif
