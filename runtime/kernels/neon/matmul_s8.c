/* SPDX-License-Identifier: Apache-2.0
 *
 * Product of two activations, int8, 4 rows of a times 8 columns of b at a time:
 *
 *     acc[m][n] = sum over k of (a[m][k] - a_zero_point) * (b[k][n] - b_zero_point)
 *     out[m][n] = requantized acc
 *
 * Both are widened to int16 without their zero points: a strip [depth][4 rows] of a, and blocks
 * [depth][8 columns] of b, as many at a time as COLUMNS_BYTES hold; missing rows and columns are 0.
 * Scaling is in 64-bit lanes, as edge/requantize.h says it.
 *
 * Scratch: the strip of a, then the blocks of b.
 */
#include "edge/kernels.h"

#ifdef __ARM_NEON

#include <arm_neon.h>

#include "edge/memory.h"

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = 4, COLUMNS = 8, COLUMNS_BYTES = 32768 };

/* value * 2^-right, halves away from zero. */
INLINE int32x4_t divide_by_power(int32x4_t value, int32_t right) {
    const int32x4_t mask = vdupq_n_s32((int32_t)((1u << right) - 1u));
    const int32x4_t threshold = vsubq_s32(vshrq_n_s32(mask, 1), vshrq_n_s32(value, 31));
    const uint32x4_t above = vcgtq_s32(vandq_s32(value, mask), threshold);
    return vsubq_s32(vshlq_s32(value, vdupq_n_s32(-right)), vreinterpretq_s32_u32(above));
}

/* (acc * multiplier + 2^(right - 1)) >> right, for results that fit int32. */
INLINE int32x4_t scale(int32x4_t acc, int32_t multiplier, int32_t right) {
    const int64x2_t down = vdupq_n_s64(-right);
    const int64x2_t half = vdupq_n_s64((int64_t)1 << (right - 1));
    const int64x2_t low = vaddq_s64(vmull_n_s32(vget_low_s32(acc), multiplier), half);
    const int64x2_t high = vaddq_s64(vmull_n_s32(vget_high_s32(acc), multiplier), half);
    return vcombine_s32(vmovn_s64(vshlq_s64(low, down)), vmovn_s64(vshlq_s64(high, down)));
}

INLINE int32x4_t scaled(const edge_requantize *q, int32x4_t acc) {
    const int32_t shift = q->shift[0];
    if (q->rounding == EDGE_ROUND_ONCE) {
        return scale(acc, q->multiplier[0], 31 - shift);
    }
    const int32x4_t raised = vshlq_s32(acc, vdupq_n_s32(shift > 0 ? shift : 0));
    return divide_by_power(scale(raised, q->multiplier[0], 31), shift > 0 ? 0 : -shift);
}

/* 8 outputs of a row. Saturating at 16 bits does not change what is saturated to 8 bits afterwards;
 * there is no activation to clamp to. */
INLINE void store(const edge_matmul *layer, int32x4_t low, int32x4_t high, int32_t columns,
                  int8_t *out) {
    const edge_requantize *const q = &layer->requantize;
    const int16x8_t both = vcombine_s16(vqmovn_s32(scaled(q, low)), vqmovn_s32(scaled(q, high)));
    const int8x8_t made = vqmovn_s16(vqaddq_s16(both, vdupq_n_s16(q->zero_point)));
    if (columns >= COLUMNS) {
        vst1_s8(out, made);
    } else {
        int8_t bytes[COLUMNS];
        vst1_s8(bytes, made);
        memcpy(out, bytes, (size_t)columns);
    }
}

/* The strip of a times one block of b. */
static void multiply(const edge_matmul *layer, const int16_t *a, const int16_t *b, int32_t rows,
                     int32_t columns, int8_t *out) {
    int32x4_t acc[ROWS][2];
    for (int32_t m = 0; m < ROWS; m++) {
        acc[m][0] = acc[m][1] = vdupq_n_s32(0);
    }
    for (int32_t k = 0; k < layer->depth; k++, a += ROWS, b += COLUMNS) {
        const int16x4_t x = vld1_s16(a);
        const int16x4_t low = vld1_s16(b), high = vld1_s16(b + 4);
        acc[0][0] = vmlal_lane_s16(acc[0][0], low, x, 0);
        acc[0][1] = vmlal_lane_s16(acc[0][1], high, x, 0);
        acc[1][0] = vmlal_lane_s16(acc[1][0], low, x, 1);
        acc[1][1] = vmlal_lane_s16(acc[1][1], high, x, 1);
        acc[2][0] = vmlal_lane_s16(acc[2][0], low, x, 2);
        acc[2][1] = vmlal_lane_s16(acc[2][1], high, x, 2);
        acc[3][0] = vmlal_lane_s16(acc[3][0], low, x, 3);
        acc[3][1] = vmlal_lane_s16(acc[3][1], high, x, 3);
    }
    for (int32_t m = 0; m < rows; m++, out += layer->columns) {
        store(layer, acc[m][0], acc[m][1], columns, out);
    }
}

/* One vector of `depth` bytes at a pitch, into its place of each [places]. */
static void widen(const int8_t *from, int32_t pitch, int32_t depth, int8_t zero_point, int16_t *to,
                  int32_t places) {
    for (int32_t k = 0; k < depth; k++) {
        to[k * places] = (int16_t)(from[k * pitch] - zero_point);
    }
}

static void clear(int16_t *to, int32_t depth, int32_t places) {
    for (int32_t k = 0; k < depth; k++) {
        to[k * places] = 0;
    }
}

/* 8 columns of rows of b that lie behind each other. */
static void widen_rows(const edge_matmul *layer, const int8_t *b, int16_t *to) {
    const int8x8_t zero = vdup_n_s8(layer->b_zero_point);
    for (int32_t k = 0; k < layer->depth; k++, b += layer->columns, to += COLUMNS) {
        vst1q_s16(to, vsubl_s8(vld1_s8(b), zero));
    }
}

static void widen_block(const edge_matmul *layer, const int8_t *b, int32_t columns, int16_t *to) {
    if (!layer->b_transposed && columns >= COLUMNS) {
        widen_rows(layer, b, to);
        return;
    }
    const int32_t down = layer->b_transposed ? 1 : layer->columns;
    const int32_t across = layer->b_transposed ? layer->depth : 1;
    for (int32_t n = 0; n < COLUMNS; n++) {
        if (n < columns) {
            widen(b + n * across, down, layer->depth, layer->b_zero_point, to + n, COLUMNS);
        } else {
            clear(to + n, layer->depth, COLUMNS);
        }
    }
}

static void widen_strip(const edge_matmul *layer, const int8_t *a, int32_t rows, int16_t *to) {
    for (int32_t m = 0; m < ROWS; m++) {
        if (m < rows) {
            widen(a + m * layer->depth, 1, layer->depth, layer->a_zero_point, to + m, ROWS);
        } else {
            clear(to + m, layer->depth, ROWS);
        }
    }
}

/* All rows of a times the blocks of `columns` columns. */
static void multiply_columns(const edge_matmul *layer, const int8_t *a, const int16_t *b,
                             int32_t columns, int16_t *strip, int8_t *out) {
    for (int32_t m = 0; m < layer->rows; m += ROWS, out += ROWS * layer->columns) {
        const int32_t rows = layer->rows - m < ROWS ? layer->rows - m : ROWS;
        widen_strip(layer, a + m * layer->depth, rows, strip);
        for (int32_t n = 0; n < columns; n += COLUMNS) {
            multiply(layer, strip, b + n * layer->depth, rows, columns - n, out + n);
        }
    }
}

static void multiply_batch(const edge_matmul *layer, const int8_t *a, const int8_t *b,
                           int16_t *scratch, int8_t *out) {
    const int32_t across = layer->b_transposed ? layer->depth : 1;
    const int32_t blocks = COLUMNS_BYTES / (2 * COLUMNS * layer->depth);
    const int32_t most = COLUMNS * (blocks > 0 ? blocks : 1);
    int16_t *const wide = scratch + ROWS * layer->depth;
    for (int32_t n = 0; n < layer->columns; n += most) {
        const int32_t count = layer->columns - n < most ? layer->columns - n : most;
        for (int32_t c = 0; c < count; c += COLUMNS) {
            widen_block(layer, b + (n + c) * across, count - c, wide + c * layer->depth);
        }
        multiply_columns(layer, a, wide, count, scratch, out + n);
    }
}

void edge_neon_matmul_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                         void *scratch) {
    const edge_matmul *layer = descriptor;
    const int8_t *a = edge_row(&in[0], y);
    const int8_t *b = edge_row(&in[1], y);
    int8_t *to = out;
    EDGE_ASSERT(a != NULL && b != NULL && scratch != NULL && layer->requantize.per_channel == 0);
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        multiply_batch(layer, a, b, scratch, to);
        a += layer->rows * layer->depth;
        b += layer->depth * layer->columns;
        to += layer->rows * layer->columns;
    }
}

#endif
