/* SPDX-License-Identifier: Apache-2.0
 *
 * Dot products of pixels with blocks of 8 output channels by relaxed SIMD. Inputs lie in 0..127,
 * which the planner has proven: then, and only then, have these instructions one result on all
 * engines.
 *
 * Weights are int8, [blocks of 8][inputs / 4][8 channels][4]; the inputs are filled up with zero
 * weights to `depth`, a multiple of 8. Fours of inputs that were taken out of a block follow:
 * int32 first input, int8[8 channels][4], unaligned. Constants are two records (simd128/scale.h) a
 * block, of which the first also says which extras are the block's; weights of float blocks are not
 * raised, their sums are.
 *
 * Pixels are copied in groups into columns of `depth` bytes. Inputs beyond the last one have zero
 * weights, so their values do not matter; neither do those of pixels beyond the last one.
 *
 * There are two ways to the same sums. i32x4.relaxed_dot_i8x16_i7x16_add_s adds four products to
 * each sum: a single instruction on ARM with dot products and on x86 with AVX-VNNI. Other x86 make
 * it from pairs in 16 bits and widen each; there it is faster to add two pairs, those of an input
 * and of the fourth after it, before they are widened. So that no such sum can leave 16 bits, the
 * second of two fours that are too large together is taken out when weights are packed; blocks with
 * too many of them keep all and are marked by a negative number of extras. What the engine has
 * shows where inputs are beyond 127: the result is saturated to 16 bits, or not.
 *
 * Scratch: columns.
 */
#ifndef EDGE_RELAXED_DOT_H
#define EDGE_RELAXED_DOT_H

#include "../simd128/scale.h"
#include "../simd128/tile.h"
#include "edge/edge.h"

enum {
    EDGE_RELAXED_STEP = 8, /* inputs a turn of the inner loop */
    EDGE_RELAXED_EXTRA_BYTES = 36,
    EDGE_RELAXED_FIRST_EXTRA = 22,     /* in a record */
    EDGE_RELAXED_EXTRAS = 23,          /* in a record: how many; negative: pairs are added alone */
    EDGE_RELAXED_COLUMN_BYTES = 65536, /* of a group: stays in an L2 cache */
    EDGE_RELAXED_PIXELS = 256          /* at most, in a group */
};

/* How the sums of a block are made. */
typedef enum { EDGE_RELAXED_FOURS, EDGE_RELAXED_PAIRS, EDGE_RELAXED_TWO_PAIRS } edge_relaxed_sums;

typedef struct {
    const int8_t *weights;
    const int8_t *extras;
    const int32_t *records;
    edge_simd_output output;
    int32_t depth;    /* bytes of a column, a multiple of 8 */
    int32_t channels; /* of the output */
    int32_t group;    /* pixels of a group, a multiple of 4 */
    edge_simd_form form;
    int32_t widens;  /* whether the engine widens every pair */
    int8_t *columns; /* in scratch */
} edge_relaxed_dot;

/* Whether 127 * 255 + 127 * 255, made of pairs, is saturated to 16 bits. */
static inline int32_t edge_relaxed_widens_pairs(void) {
    v128_t weights = wasm_i8x16_const_splat(127), inputs = wasm_i8x16_const_splat(-1);
    __asm__ volatile("" : "+r"(weights), "+r"(inputs));
    const v128_t zero = wasm_i32x4_const_splat(0);
    const v128_t sums = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(weights, inputs, zero);
    return wasm_i32x4_extract_lane(sums, 0) == 2 * 32767;
}

static inline int32_t edge_relaxed_depth(int32_t inputs) {
    return (inputs + EDGE_RELAXED_STEP - 1) & -EDGE_RELAXED_STEP;
}

/* Pixels of a group when a call of the kernel makes `pixels`. */
static inline int32_t edge_relaxed_group_of(int32_t depth, int32_t pixels) {
    const int32_t wanted = (pixels + 3) & ~3, room = (EDGE_RELAXED_COLUMN_BYTES / depth) & ~3;
    const int32_t most = room < EDGE_RELAXED_PIXELS ? room : EDGE_RELAXED_PIXELS;
    const int32_t some = most < EDGE_SIMD_PIXELS ? EDGE_SIMD_PIXELS : most;
    return wanted < some ? wanted : some;
}

static inline edge_relaxed_dot edge_relaxed_dot_of(const void *weights, const edge_requantize *q,
                                                   int32_t inputs, int32_t channels, int32_t pixels,
                                                   void *scratch) {
    const int32_t depth = edge_relaxed_depth(inputs);
    const int8_t *const blocks = weights;
    const int32_t rows = (channels + EDGE_SIMD_BLOCK - 1) & -EDGE_SIMD_BLOCK;
    const edge_relaxed_dot dot = {blocks,
                                  blocks + rows * depth,
                                  q->bias,
                                  edge_simd_output_of(q->zero_point, q->minimum, q->maximum),
                                  depth,
                                  channels,
                                  edge_relaxed_group_of(depth, pixels),
                                  edge_simd_form_of(q),
                                  edge_relaxed_widens_pairs(),
                                  scratch};
    return dot;
}

/* Four inputs at x and the four after them, in all lanes. */
typedef struct {
    v128_t first, second;
} edge_relaxed_inputs;

EDGE_SIMD_INLINE edge_relaxed_inputs edge_relaxed_load(const int8_t *x) {
    const edge_relaxed_inputs inputs = {wasm_v128_load32_splat(x), wasm_v128_load32_splat(x + 4)};
    return inputs;
}

/* Adds the products of 4 inputs to 4 channels. */
EDGE_SIMD_INLINE v128_t edge_relaxed_add_four(v128_t acc, v128_t weights, v128_t x,
                                              edge_relaxed_sums sums) {
    if (sums == EDGE_RELAXED_FOURS) {
        return wasm_i32x4_relaxed_dot_i8x16_i7x16_add(weights, x, acc);
    }
    const v128_t pairs = wasm_i16x8_relaxed_dot_i8x16_i7x16(weights, x);
    return wasm_i32x4_add(acc, wasm_i32x4_extadd_pairwise_i16x8(pairs));
}

/* Adds the products of 8 inputs to 4 channels, whose weights lie at w and 32 bytes on. */
EDGE_SIMD_INLINE v128_t edge_relaxed_add(v128_t acc, edge_relaxed_inputs x, const int8_t *w,
                                         edge_relaxed_sums sums) {
    const v128_t first = wasm_v128_load(w), second = wasm_v128_load(w + 32);
    if (sums != EDGE_RELAXED_TWO_PAIRS) {
        return edge_relaxed_add_four(edge_relaxed_add_four(acc, first, x.first, sums), second,
                                     x.second, sums);
    }
    const v128_t pairs = wasm_i16x8_add(wasm_i16x8_relaxed_dot_i8x16_i7x16(first, x.first),
                                        wasm_i16x8_relaxed_dot_i8x16_i7x16(second, x.second));
    return wasm_i32x4_add(acc, wasm_i32x4_extadd_pairwise_i16x8(pairs));
}

/* Adds the products of a block's extras with `pixels` columns, a constant. */
EDGE_SIMD_INLINE void edge_relaxed_add_extras(const edge_relaxed_dot *dot, const int8_t *column,
                                              const int32_t *k, int32_t pixels,
                                              edge_relaxed_sums sums, v128_t *acc) {
    const int8_t *extra = dot->extras + k[EDGE_RELAXED_FIRST_EXTRA] * EDGE_RELAXED_EXTRA_BYTES;
    for (int32_t i = 0; i < k[EDGE_RELAXED_EXTRAS]; i++, extra += EDGE_RELAXED_EXTRA_BYTES) {
        int32_t input;
        memcpy(&input, extra, sizeof input);
        const v128_t low = wasm_v128_load(extra + 4), high = wasm_v128_load(extra + 20);
        for (int32_t p = 0; p < pixels; p++) {
            const v128_t x = wasm_v128_load32_splat(column + p * dot->depth + input);
            acc[2 * p] = edge_relaxed_add_four(acc[2 * p], low, x, sums);
            acc[2 * p + 1] = edge_relaxed_add_four(acc[2 * p + 1], high, x, sums);
        }
    }
}

/* The products of `pixels` columns, a constant, with a block: acc[2 * pixel + half]. */
EDGE_SIMD_INLINE void edge_relaxed_multiply(const edge_relaxed_dot *dot, const int8_t *column,
                                            const int8_t *w, const int32_t *k, int32_t pixels,
                                            edge_relaxed_sums sums, v128_t *acc) {
    const int32_t depth = dot->depth;
    const int8_t *const start = column;
    for (int32_t i = 0; i < 2 * pixels; i++) {
        acc[i] = wasm_i32x4_const_splat(0);
    }
    const int8_t *const end = w + 8 * depth;
#pragma clang loop unroll(disable)
    for (; w < end; w += 8 * EDGE_RELAXED_STEP, column += EDGE_RELAXED_STEP) {
        /* Hides that w steps through the loop: otherwise each constant offset would become an
         * addition instead of part of the load. */
        __asm__ volatile("" : "+r"(w));
        for (int32_t p = 0; p < pixels; p++) {
            const edge_relaxed_inputs x = edge_relaxed_load(column + p * depth);
            acc[2 * p] = edge_relaxed_add(acc[2 * p], x, w, sums);
            acc[2 * p + 1] = edge_relaxed_add(acc[2 * p + 1], x, w + 16, sums);
        }
    }
    edge_relaxed_add_extras(dot, start, k, pixels, sums, acc);
}

/* Sums of `pixels` columns become scaled accumulators. */
EDGE_SIMD_INLINE void edge_relaxed_scale(v128_t *acc, int32_t pixels, const int32_t *k,
                                         edge_simd_form form) {
    const int32_t *const k2 = k + EDGE_SIMD_RECORD;
    edge_simd_add_bias(acc, pixels, k, form);
    edge_simd_add_bias(acc + 1, pixels, k2, form);
    edge_simd_scale_column(acc, pixels, k, form);
    edge_simd_scale_column(acc + 1, pixels, k2, form);
}

/* 8 channels of `count` pixels. */
EDGE_SIMD_INLINE void edge_relaxed_block(const edge_relaxed_dot *dot, const int8_t *w,
                                         const int32_t *k, int32_t count, int32_t channels,
                                         edge_relaxed_sums sums, edge_simd_form form, int8_t *to) {
    for (int32_t p = 0; p < count; p += EDGE_SIMD_PIXELS) {
        v128_t acc[2 * EDGE_SIMD_PIXELS], made[2];
        const int8_t *const column = dot->columns + p * dot->depth;
        edge_relaxed_multiply(dot, column, w, k, EDGE_SIMD_PIXELS, sums, acc);
        edge_relaxed_scale(acc, EDGE_SIMD_PIXELS, k, form);
        made[0] = edge_simd_stored(&dot->output, acc[0], acc[1], acc[2], acc[3], form);
        made[1] = edge_simd_stored(&dot->output, acc[4], acc[5], acc[6], acc[7], form);
        edge_simd_store_tile(made, dot->channels, count - p, channels, to + p * dot->channels);
    }
}

/* 8 channels of one pixel. */
EDGE_SIMD_INLINE void edge_relaxed_block_1(const edge_relaxed_dot *dot, const int8_t *w,
                                           const int32_t *k, int32_t channels, edge_simd_form form,
                                           int8_t *to) {
    v128_t acc[2];
    edge_relaxed_multiply(dot, dot->columns, w, k, 1, EDGE_RELAXED_FOURS, acc);
    edge_relaxed_scale(acc, 1, k, form);
    edge_simd_store(to, edge_simd_stored(&dot->output, acc[0], acc[1], acc[0], acc[1], form),
                    channels);
}

EDGE_SIMD_INLINE void edge_relaxed_any_block(const edge_relaxed_dot *dot, const int8_t *w,
                                             const int32_t *k, int32_t count, int32_t channels,
                                             edge_simd_form form, int8_t *to) {
    if (count == 1) {
        edge_relaxed_block_1(dot, w, k, channels, form, to);
    } else if (!dot->widens) {
        edge_relaxed_block(dot, w, k, count, channels, EDGE_RELAXED_FOURS, form, to);
    } else if (k[EDGE_RELAXED_EXTRAS] < 0) {
        edge_relaxed_block(dot, w, k, count, channels, EDGE_RELAXED_PAIRS, form, to);
    } else {
        edge_relaxed_block(dot, w, k, count, channels, EDGE_RELAXED_TWO_PAIRS, form, to);
    }
}

/* All channels of `count` pixels, whose columns are filled. */
static inline void edge_relaxed_dot_columns(const edge_relaxed_dot *dot, int32_t count,
                                            int8_t *to) {
    const int8_t *w = dot->weights;
    const int32_t *k = dot->records;
    for (int32_t c = 0; c < dot->channels; c += EDGE_SIMD_BLOCK) {
        const int32_t left = dot->channels - c;
        switch (edge_simd_block_form(dot->form, k)) {
        case EDGE_SIMD_FLOAT:
            edge_relaxed_any_block(dot, w, k, count, left, EDGE_SIMD_FLOAT, to + c);
            break;
        case EDGE_SIMD_ONCE:
            edge_relaxed_any_block(dot, w, k, count, left, EDGE_SIMD_ONCE, to + c);
            break;
        case EDGE_SIMD_SHIFTS_ALIKE:
            edge_relaxed_any_block(dot, w, k, count, left, EDGE_SIMD_SHIFTS_ALIKE, to + c);
            break;
        default:
            edge_relaxed_any_block(dot, w, k, count, left, EDGE_SIMD_ANY, to + c);
        }
        w += 8 * dot->depth;
        k += 2 * EDGE_SIMD_RECORD;
    }
}

#endif
