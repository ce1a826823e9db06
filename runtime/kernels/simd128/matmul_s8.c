/* SPDX-License-Identifier: Apache-2.0
 *
 * Product of two activations, int8, 4 rows of a times 8 columns of b at a time:
 *
 *     acc[m][n] = sum over k of (a[m][k] - a_zero_point) * (b[k][n] - b_zero_point)
 *     out[m][n] = requantized acc
 *
 * Both are widened to int16 without their zero points and filled up to an even depth with zeros:
 * rows of a [4][depth], blocks of columns of b [depth / 2][8 columns][2], as many blocks at a time
 * as COLUMNS_BYTES hold. Scaling is in 64-bit lanes, as edge/requantize.h says it.
 *
 * Scratch: the rows of a, then the blocks of b.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include <wasm_simd128.h>

#include "edge/memory.h"

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = 4, COLUMNS = 8, COLUMNS_BYTES = 32768 };

/* A product of one layer: what tiles share. */
typedef struct {
    const edge_matmul *layer;
    int32_t pairs;     /* of values of k */
    v128_t zero_point; /* of the output, in every int16 */
} product;

/* (acc * multiplier + half) >> right in four lanes, for results that fit int32. The multiplier is
 * read where it is needed: if the compiler saw that it stays the same it would widen it once and
 * multiply 64 by 64 bits, which takes far longer. */
INLINE v128_t scale(v128_t acc, const int32_t *multiplier, uint32_t right) {
    __asm__ volatile("" : "+r"(multiplier), "+r"(acc));
    const v128_t m = wasm_v128_load32_splat(multiplier);
    const v128_t half = wasm_i64x2_splat((int64_t)1 << (right - 1));
    const v128_t low = wasm_i64x2_add(wasm_i64x2_extmul_low_i32x4(acc, m), half);
    const v128_t high = wasm_i64x2_add(wasm_i64x2_extmul_high_i32x4(acc, m), half);
    return wasm_i32x4_shuffle(wasm_i64x2_shr(low, right), wasm_i64x2_shr(high, right), 0, 2, 4, 6);
}

/* value * 2^-right, halves away from zero. */
INLINE v128_t divide_by_power(v128_t value, uint32_t right) {
    const v128_t mask = wasm_i32x4_splat((int32_t)((1u << right) - 1u));
    const v128_t negative = wasm_i32x4_shr(value, 31);
    const v128_t threshold = wasm_i32x4_sub(wasm_i32x4_shr(mask, 1), negative);
    const v128_t above = wasm_i32x4_gt(wasm_v128_and(value, mask), threshold);
    return wasm_i32x4_sub(wasm_i32x4_shr(value, right), above);
}

INLINE v128_t scaled(const edge_requantize *q, v128_t acc) {
    const int32_t shift = q->shift[0];
    if (q->rounding == EDGE_ROUND_ONCE) {
        return scale(acc, q->multiplier, (uint32_t)(31 - shift));
    }
    const v128_t raised = shift > 0 ? wasm_i32x4_shl(acc, (uint32_t)shift) : acc;
    return divide_by_power(scale(raised, q->multiplier, 31), shift > 0 ? 0 : (uint32_t)-shift);
}

/* Four scaled accumulators twice, with the zero point; saturating at 16 bits does not change what
 * is saturated to 8 bits afterwards. */
INLINE v128_t moved(const product *p, v128_t low, v128_t high) {
    const edge_requantize *const q = &p->layer->requantize;
    const v128_t both = wasm_i16x8_narrow_i32x4(scaled(q, low), scaled(q, high));
    return wasm_i16x8_add_sat(both, p->zero_point);
}

/* 8 outputs of each of two rows. There is no activation to clamp to. */
INLINE void store(const product *p, const v128_t acc[4], int32_t rows, int32_t columns,
                  int8_t *out) {
    int8_t bytes[2 * COLUMNS];
    wasm_v128_store(bytes,
                    wasm_i8x16_narrow_i16x8(moved(p, acc[0], acc[1]), moved(p, acc[2], acc[3])));
    for (int32_t m = 0; m < rows && m < 2; m++) {
        int8_t *const to = out + m * p->layer->columns;
        if (columns >= COLUMNS) {
            memcpy(to, bytes + m * COLUMNS, COLUMNS);
        } else {
            memcpy(to, bytes + m * COLUMNS, (size_t)columns);
        }
    }
}

/* Adds the products of one pair of values of a row to 8 columns. */
INLINE void add_products(v128_t acc[2], const int16_t *a, v128_t low, v128_t high) {
    const v128_t pair = wasm_v128_load32_splat(a);
    acc[0] = wasm_i32x4_add(acc[0], wasm_i32x4_dot_i16x8(low, pair));
    acc[1] = wasm_i32x4_add(acc[1], wasm_i32x4_dot_i16x8(high, pair));
}

/* 4 rows of a times one block of b. */
INLINE void multiply(const product *p, const int16_t *a, const int16_t *b, int32_t rows,
                     int32_t columns, int8_t *out) {
    const v128_t zero = wasm_i32x4_const_splat(0);
    const int32_t depth = 2 * p->pairs;
    v128_t acc[8] = {zero, zero, zero, zero, zero, zero, zero, zero};
    const int16_t *const end = a + depth;
#pragma clang loop unroll(disable)
    for (; a < end; a += 2, b += 16) {
        const v128_t low = wasm_v128_load(b), high = wasm_v128_load(b + 8);
        add_products(acc, a, low, high);
        add_products(acc + 2, a + depth, low, high);
        add_products(acc + 4, a + 2 * depth, low, high);
        add_products(acc + 6, a + 3 * depth, low, high);
    }
    store(p, acc, rows, columns, out);
    if (rows > 2) {
        store(p, acc + 4, rows - 2, columns, out + 2 * p->layer->columns);
    }
}

static void widen_row(const int8_t *from, int32_t depth, int8_t zero_point, int16_t *to) {
    const v128_t zero = wasm_i16x8_splat(zero_point);
    int32_t k = 0;
    for (; k + 8 <= depth; k += 8) {
        wasm_v128_store(to + k, wasm_i16x8_sub(wasm_i16x8_load8x8(from + k), zero));
    }
    for (; k < depth; k++) {
        to[k] = (int16_t)(from[k] - zero_point);
    }
    if (depth & 1) {
        to[depth] = 0;
    }
}

/* Whole pairs of rows of b, 8 columns of each. */
static void widen_rows(const edge_matmul *layer, const int8_t *b, int16_t *to) {
    const v128_t zero = wasm_i16x8_splat(layer->b_zero_point);
    for (int32_t k = 0; k + 1 < layer->depth; k += 2, b += 2 * layer->columns, to += 16) {
        const v128_t even = wasm_i16x8_sub(wasm_i16x8_load8x8(b), zero);
        const v128_t odd = wasm_i16x8_sub(wasm_i16x8_load8x8(b + layer->columns), zero);
        wasm_v128_store(to, wasm_i16x8_shuffle(even, odd, 0, 8, 1, 9, 2, 10, 3, 11));
        wasm_v128_store(to + 8, wasm_i16x8_shuffle(even, odd, 4, 12, 5, 13, 6, 14, 7, 15));
    }
}

/* The values of k from `first` on of the columns at b; missing columns and values are 0. */
static void widen_values(const edge_matmul *layer, const int8_t *b, int32_t first, int32_t columns,
                         int16_t *to) {
    const int32_t down = layer->b_transposed ? 1 : layer->columns;
    const int32_t across = layer->b_transposed ? layer->depth : 1;
    for (int32_t k = first; k < layer->depth + (layer->depth & 1); k++) {
        for (int32_t n = 0; n < COLUMNS; n++) {
            const int32_t there = n < columns && k < layer->depth;
            const int32_t value = there ? b[n * across + k * down] - layer->b_zero_point : 0;
            to[(k / 2 * COLUMNS + n) * 2 + k % 2] = (int16_t)value;
        }
    }
}

static void widen_block(const edge_matmul *layer, const int8_t *b, int32_t columns, int16_t *to) {
    const int32_t quick = !layer->b_transposed && columns >= COLUMNS;
    if (quick) {
        widen_rows(layer, b, to);
    }
    widen_values(layer, b, quick ? layer->depth & ~1 : 0, columns, to);
}

/* All rows of a times the blocks of `columns` columns. */
static void multiply_columns(const product *p, const int8_t *a, const int16_t *b, int32_t columns,
                             int16_t *wide, int8_t *out) {
    const edge_matmul *const layer = p->layer;
    const int32_t depth = 2 * p->pairs;
    for (int32_t m = 0; m < layer->rows; m += ROWS, out += ROWS * layer->columns) {
        const int32_t rows = layer->rows - m < ROWS ? layer->rows - m : ROWS;
        for (int32_t i = 0; i < ROWS; i++) {
            const int32_t row = m + (i < rows ? i : 0);
            widen_row(a + row * layer->depth, layer->depth, layer->a_zero_point, wide + i * depth);
        }
        for (int32_t n = 0; n < columns; n += COLUMNS) {
            multiply(p, wide, b + n * depth, rows, columns - n, out + n);
        }
    }
}

static void multiply_batch(const product *p, const int8_t *a, const int8_t *b, int16_t *scratch,
                           int8_t *out) {
    const edge_matmul *const layer = p->layer;
    const int32_t depth = 2 * p->pairs, across = layer->b_transposed ? layer->depth : 1;
    const int32_t blocks = COLUMNS_BYTES / (2 * COLUMNS * depth);
    const int32_t most = COLUMNS * (blocks > 0 ? blocks : 1);
    int16_t *const wide_b = scratch + ROWS * depth;
    for (int32_t n = 0; n < layer->columns; n += most) {
        const int32_t count = layer->columns - n < most ? layer->columns - n : most;
        for (int32_t c = 0; c < count; c += COLUMNS) {
            widen_block(layer, b + (n + c) * across, count - c, wide_b + c * depth);
        }
        multiply_columns(p, a, wide_b, count, scratch, out + n);
    }
}

void edge_simd128_matmul_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_matmul *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const product p = {layer, (layer->depth + 1) / 2, wasm_i16x8_splat(q->zero_point)};
    const int8_t *a = edge_row(&in[0], y);
    const int8_t *b = edge_row(&in[1], y);
    int8_t *to = out;
    EDGE_ASSERT(a != NULL && b != NULL && scratch != NULL && q->per_channel == 0);
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        multiply_batch(&p, a, b, scratch, to);
        a += layer->rows * layer->depth;
        b += layer->depth * layer->columns;
        to += layer->rows * layer->columns;
    }
}

#endif
