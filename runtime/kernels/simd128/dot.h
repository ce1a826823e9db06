/* SPDX-License-Identifier: Apache-2.0
 *
 * Dot products of pixels with blocks of 8 output channels.
 *
 * Weights are int8, [blocks of 8][pairs of inputs][8 channels][2]; the inputs are filled up with
 * zero weights to `depth`, a multiple of 8. Constants are two records (scale.h) a block; a block
 * with float records multiplies its weights by 2^8.
 *
 * Pixels are taken in groups of strips of 4. A strip holds their inputs widened to int16, in pairs
 * of neighbouring inputs: [pairs][4 pixels][2]. The weights of a block are widened once a group.
 * The inner loop then multiplies 4 pixels with 8 channels: 8 accumulators, 2 weights and 1 pair of
 * inputs stay in the 15 vector registers that engines have on x86.
 *
 * i32x4.dot_i16x8 is exact: |x * w| <= 2^22. Accumulators fit int32, which is proven when the
 * constants are made. Inputs beyond the last one have zero weights, so their values do not matter.
 *
 * Scratch: weights, 16 bytes an input of `depth`, and strips, 8 bytes an input each.
 */
#ifndef EDGE_SIMD128_DOT_H
#define EDGE_SIMD128_DOT_H

#include "edge/edge.h"
#include "edge/memory.h"
#include "scale.h"
#include "tile.h"

enum {
    EDGE_SIMD_STEP = 8,             /* int16 of a pair of a strip */
    EDGE_SIMD_STRIP_BYTES = 131072, /* of all strips of a group: stays in an L2 cache */
    EDGE_SIMD_STRIPS = 64           /* at most, in a group */
};

typedef struct {
    const int8_t *weights;
    const int32_t *records;
    edge_simd_output output;
    int32_t depth;    /* inputs of a pixel, a multiple of 8 */
    int32_t channels; /* of the output */
    int32_t group;    /* strips of a group */
    edge_simd_form form;
    int16_t *wide;   /* weights of a block, in scratch */
    int16_t *strips; /* in scratch */
} edge_simd_dot;

static inline int32_t edge_simd_depth(int32_t inputs) {
    return (inputs + 7) & ~7;
}

/* Strips of a group of at most `pixels`. */
static inline int32_t edge_simd_strips(int32_t depth, int32_t pixels) {
    const int32_t wanted = (pixels + EDGE_SIMD_PIXELS - 1) / EDGE_SIMD_PIXELS;
    const int32_t room = EDGE_SIMD_STRIP_BYTES / (8 * depth);
    const int32_t most = room < 1 ? 1 : room < EDGE_SIMD_STRIPS ? room : EDGE_SIMD_STRIPS;
    return wanted < most ? wanted : most;
}

/* `pixels`: of one call of the kernel. */
static inline edge_simd_dot edge_simd_dot_of(const void *weights, const edge_requantize *q,
                                             int32_t inputs, int32_t channels, int32_t pixels,
                                             void *scratch) {
    const int32_t depth = edge_simd_depth(inputs);
    int16_t *const wide = scratch;
    const edge_simd_dot dot = {weights,
                               q->bias,
                               edge_simd_output_of(q->zero_point, q->minimum, q->maximum),
                               depth,
                               channels,
                               edge_simd_strips(depth, pixels),
                               edge_simd_form_of(q),
                               wide,
                               wide + 8 * depth};
    return dot;
}

/* Pixels of the next group when `left` remain. A single last one is left over: it has a faster way.
 */
static inline int32_t edge_simd_group(const edge_simd_dot *dot, int32_t left) {
    const int32_t most = EDGE_SIMD_PIXELS * dot->group;
    if (left > most) {
        return most;
    }
    return left > 1 && left % EDGE_SIMD_PIXELS == 1 ? left - 1 : left;
}

/* What lies in scratch after the strips of a group. */
static inline int8_t *edge_simd_after_strips(const edge_simd_dot *dot) {
    return (int8_t *)(dot->strips + 4 * dot->depth * dot->group);
}

/* Four vectors of 4 int32 become their columns, stored `step` int16 apart. */
static inline void edge_simd_transpose(int16_t *to, int32_t step, v128_t a, v128_t b, v128_t c,
                                       v128_t d) {
    const v128_t ab_low = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5);
    const v128_t ab_high = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7);
    const v128_t cd_low = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5);
    const v128_t cd_high = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
    wasm_v128_store(to, wasm_i64x2_shuffle(ab_low, cd_low, 0, 2));
    wasm_v128_store(to + step, wasm_i64x2_shuffle(ab_low, cd_low, 1, 3));
    wasm_v128_store(to + 2 * step, wasm_i64x2_shuffle(ab_high, cd_high, 0, 2));
    wasm_v128_store(to + 3 * step, wasm_i64x2_shuffle(ab_high, cd_high, 1, 3));
}

/* 4 pixels of `depth` bytes each, as pairs `step` int16 apart. */
EDGE_SIMD_INLINE void edge_simd_strip_4(int16_t *strip, int32_t step, const int8_t *const pixel[4],
                                        int32_t depth) {
    const int8_t *a = pixel[0], *b = pixel[1], *c = pixel[2], *d = pixel[3];
    for (int32_t i = 0; i < depth; i += 8, strip += 4 * step) {
        edge_simd_transpose(strip, step, wasm_i16x8_load8x8(a + i), wasm_i16x8_load8x8(b + i),
                            wasm_i16x8_load8x8(c + i), wasm_i16x8_load8x8(d + i));
    }
}

static inline void edge_simd_strip_1(int16_t *strip, const int8_t *pixel, int32_t depth) {
    for (int32_t i = 0; i < depth; i += 8) {
        wasm_v128_store(strip + i, wasm_i16x8_load8x8(pixel + i));
    }
}

/* Adds the products of one pair of inputs of one pixel to 8 channels. */
EDGE_SIMD_INLINE void edge_simd_multiply(v128_t acc[2], const int16_t *x, v128_t low, v128_t high) {
    const v128_t pair = wasm_v128_load32_splat(x);
    acc[0] = wasm_i32x4_add(acc[0], wasm_i32x4_dot_i16x8(low, pair));
    acc[1] = wasm_i32x4_add(acc[1], wasm_i32x4_dot_i16x8(high, pair));
}

static inline void edge_simd_pair_1(v128_t acc[2], const int16_t *strip, const int8_t *w) {
    edge_simd_multiply(acc, strip, wasm_i16x8_load8x8(w), wasm_i16x8_load8x8(w + 8));
}

/* 4 pixels x 8 channels; `made` is int8[4][8]. */
EDGE_SIMD_INLINE void edge_simd_block_4(const edge_simd_dot *dot, const int16_t *strip,
                                        const int32_t *k, edge_simd_form form, v128_t made[2]) {
    const int32_t *k2 = k + EDGE_SIMD_RECORD;
    const v128_t low = wasm_v128_load(k), high = wasm_v128_load(k2);
    v128_t acc[8] = {low, high, low, high, low, high, low, high};
    const int16_t *w = dot->wide, *const end = w + 8 * dot->depth;
/* Unrolled, the compiler would load all weights first and run out of registers. */
#pragma clang loop unroll(disable)
    for (; w < end; w += 16, strip += 8) {
        const int16_t *x = strip;
        /* Hides that x and w step through the loop: otherwise each constant offset would become an
         * addition instead of part of the load. */
        __asm__ volatile("" : "+r"(x), "+r"(w));
        const v128_t w_low = wasm_v128_load(w), w_high = wasm_v128_load(w + 8);
        edge_simd_multiply(acc, x, w_low, w_high);
        edge_simd_multiply(acc + 2, x + 2, w_low, w_high);
        edge_simd_multiply(acc + 4, x + 4, w_low, w_high);
        edge_simd_multiply(acc + 6, x + 6, w_low, w_high);
    }
    edge_simd_scale_column(acc, EDGE_SIMD_PIXELS, k, form);
    edge_simd_scale_column(acc + 1, EDGE_SIMD_PIXELS, k2, form);
    made[0] = edge_simd_stored(&dot->output, acc[0], acc[1], acc[2], acc[3], form);
    made[1] = edge_simd_stored(&dot->output, acc[4], acc[5], acc[6], acc[7], form);
}

/* Sums of two vectors of channels, without bias, become outputs, twice the same 8. */
EDGE_SIMD_INLINE v128_t edge_simd_finish_1(const edge_simd_dot *dot, v128_t acc[2],
                                           const int32_t *k, edge_simd_form form) {
    const int32_t *const k2 = k + EDGE_SIMD_RECORD;
    edge_simd_add_bias(acc, 1, k, form);
    edge_simd_add_bias(acc + 1, 1, k2, form);
    edge_simd_scale_column(acc, 1, k, form);
    edge_simd_scale_column(acc + 1, 1, k2, form);
    return edge_simd_stored(&dot->output, acc[0], acc[1], acc[0], acc[1], form);
}

/* 1 pixel x 8 channels in the lower half, weights as stored. Even and odd pairs have sums of their
 * own, so that one addition need not wait for the other. */
static inline v128_t edge_simd_block_1(const edge_simd_dot *dot, const int16_t *strip,
                                       const int8_t *w, const int32_t *k) {
    const v128_t zero = wasm_i32x4_const_splat(0);
    v128_t even[2] = {zero, zero}, odd[2] = {zero, zero};
    const int8_t *const end = w + 8 * dot->depth;
    for (; w < end; w += 64, strip += 8) {
        edge_simd_pair_1(even, strip, w);
        edge_simd_pair_1(odd, strip + 2, w + 16);
        edge_simd_pair_1(even, strip + 4, w + 32);
        edge_simd_pair_1(odd, strip + 6, w + 48);
    }
    v128_t acc[2] = {wasm_i32x4_add(even[0], odd[0]), wasm_i32x4_add(even[1], odd[1])};
    if (edge_simd_block_form(EDGE_SIMD_ANY, k) == EDGE_SIMD_FLOAT) {
        return edge_simd_finish_1(dot, acc, k, EDGE_SIMD_FLOAT);
    }
    return edge_simd_finish_1(dot, acc, k, EDGE_SIMD_ANY);
}

EDGE_SIMD_INLINE void edge_simd_widen(const edge_simd_dot *dot, const int8_t *w,
                                      edge_simd_form form) {
    for (int32_t i = 0; i < 8 * dot->depth; i += 8) {
        wasm_v128_store(dot->wide + i, edge_simd_weights(w + i, form));
    }
}

/* 8 channels of the pixels in the strips. */
EDGE_SIMD_INLINE void edge_simd_block(const edge_simd_dot *dot, const int8_t *w, const int32_t *k,
                                      int32_t pixels, int32_t channels, edge_simd_form form,
                                      int8_t *to) {
    edge_simd_widen(dot, w, form);
    for (int32_t p = 0; p < pixels; p += EDGE_SIMD_PIXELS) {
        v128_t made[2];
        edge_simd_block_4(dot, dot->strips + p * dot->depth, k, form, made);
        edge_simd_store_tile(made, dot->channels, pixels - p, channels, to + p * dot->channels);
    }
}

/* All channels of the pixels in the strips; the last strip may have fewer than 4. */
static inline void edge_simd_dot_strips(const edge_simd_dot *dot, int32_t pixels, int8_t *to) {
    const int8_t *w = dot->weights;
    const int32_t *k = dot->records;
    for (int32_t c = 0; c < dot->channels; c += EDGE_SIMD_BLOCK) {
        const int32_t left = dot->channels - c;
        switch (edge_simd_block_form(dot->form, k)) {
        case EDGE_SIMD_FLOAT:
            edge_simd_block(dot, w, k, pixels, left, EDGE_SIMD_FLOAT, to + c);
            break;
        case EDGE_SIMD_ONCE:
            edge_simd_block(dot, w, k, pixels, left, EDGE_SIMD_ONCE, to + c);
            break;
        case EDGE_SIMD_SHIFTS_ALIKE:
            edge_simd_block(dot, w, k, pixels, left, EDGE_SIMD_SHIFTS_ALIKE, to + c);
            break;
        default:
            edge_simd_block(dot, w, k, pixels, left, EDGE_SIMD_ANY, to + c);
        }
        w += 8 * dot->depth;
        k += 2 * EDGE_SIMD_RECORD;
    }
}

/* All channels of one pixel, whose strip is [pairs][2]. */
static inline void edge_simd_dot_1(const edge_simd_dot *dot, int8_t *to) {
    const int8_t *w = dot->weights;
    const int32_t *k = dot->records;
    for (int32_t c = 0; c < dot->channels; c += EDGE_SIMD_BLOCK) {
        edge_simd_store(to + c, edge_simd_block_1(dot, dot->strips, w, k), dot->channels - c);
        w += 8 * dot->depth;
        k += 2 * EDGE_SIMD_RECORD;
    }
}

#endif
