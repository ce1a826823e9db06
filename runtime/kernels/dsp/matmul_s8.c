/* SPDX-License-Identifier: Apache-2.0
 *
 * Product of two activations, int8, 4 rows of a times 2 columns of b at a time:
 *
 *     acc[m][n] = sum over k of (a[m][k] - a_zero_point) * (b[k][n] - b_zero_point)
 *     out[m][n] = requantized acc
 *
 * Both are widened to int16 without their zero points: b, as many columns as fit
 * EDGE_DSP_MATMUL_COLUMNS bytes, into strips [step][2 columns] of pairs, 4 rows of a into a strip
 * [step][4 rows]. A group of 4 values of k makes two steps, the pairs (0, 2) and (1, 3), as SXTAB16
 * delivers them. Depth is filled up to a multiple of 8 with zeros, columns and rows to whole
 * strips.
 *
 * Scratch: the strip of a, then those of b.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"
#include "edge/requantize.h"

#ifdef __ARM_FEATURE_DSP

enum { ROWS = 4, COLUMNS = 2 };

static uint32_t both(int32_t value) {
    return (uint32_t)(value & 0xffff) * 0x10001u;
}

static int32_t groups_of(const edge_matmul *layer) {
    return (layer->depth + 7) / 8 * 2;
}

/* Up to 4 bytes at a pitch as a word; missing ones are the zero point. */
static uint32_t word_of(const int8_t *from, int32_t pitch, int32_t count, int8_t zero_point) {
    uint32_t word = edge_dsp_splat(zero_point);
    for (int32_t i = 0; i < count && i < 4; i++) {
        const uint32_t shift = 8 * (uint32_t)i;
        word = (word & ~(0xffu << shift)) | (uint32_t)(uint8_t)from[i * pitch] << shift;
    }
    return word;
}

/* Writes the vector of `depth` bytes at a pitch into its place of every step. */
static void widen(uint32_t *strip, int32_t places, const int8_t *from, int32_t pitch, int32_t depth,
                  int32_t groups, int8_t zero_point) {
    const uint32_t minus = both(-zero_point);
    for (int32_t g = 0; g < groups; g++, strip += 2 * places, depth -= 4) {
        const uint32_t word = pitch == 1 && depth >= 4 ? edge_dsp_load(from)
                                                       : word_of(from, pitch, depth, zero_point);
        from += depth >= 4 ? 4 * pitch : 0;
        strip[0] = edge_dsp_add_even(minus, word);
        strip[places] = edge_dsp_add_odd(minus, word);
    }
}

/* The strips of the columns [0, count) of what begins at b. */
static void widen_columns(const edge_matmul *layer, const int8_t *b, int32_t count,
                          uint32_t *strips) {
    const int32_t groups = groups_of(layer);
    const int32_t down = layer->b_transposed ? 1 : layer->columns;
    const int32_t across = layer->b_transposed ? layer->depth : 1;
    for (int32_t n = 0; n < count + (count & 1); n++) {
        uint32_t *const strip = strips + n / COLUMNS * (2 * COLUMNS * groups) + n % COLUMNS;
        const int32_t there = n < count ? layer->depth : 0;
        widen(strip, COLUMNS, b + (n < count ? n * across : 0), down, there, groups,
              layer->b_zero_point);
    }
}

/* A scale below 1/4 by single rounding: with m the multiplier and z the zero point,
 * (acc * m + 2^30) >> 31, plus z, is ((acc * 4 m + (2 z + 1) * 2^32) >> 32) >> 1, saturated. There
 * is no activation to clamp to. */
static int is_quick(const edge_requantize *q) {
    return q->rounding == EDGE_ROUND_ONCE && q->shift[0] == 0 && q->multiplier[0] < (1 << 29);
}

static inline int8_t quick(int32_t acc, int32_t multiplier, int32_t offset) {
    int32_t made;
    __asm__("smmla %0, %1, %2, %3\n\tssat %0, #8, %0, asr #1"
            : "=r"(made)
            : "r"(acc), "r"(multiplier), "r"(offset));
    return (int8_t)made;
}

static void store_quick(const edge_matmul *layer, int32_t acc[ROWS][COLUMNS], int32_t rows,
                        int32_t columns, int8_t *out) {
    const int32_t multiplier = layer->requantize.multiplier[0] * 4;
    const int32_t offset = 2 * layer->requantize.zero_point + 1;
    for (int32_t m = 0; m < rows; m++, out += layer->columns) {
        out[0] = quick(acc[m][0], multiplier, offset);
        if (columns > 1) {
            out[1] = quick(acc[m][1], multiplier, offset);
        }
    }
}

static void store(const edge_matmul *layer, int32_t acc[ROWS][COLUMNS], int32_t rows,
                  int32_t columns, int8_t *out) {
    for (int32_t m = 0; m < rows; m++, out += layer->columns) {
        for (int32_t n = 0; n < columns && n < COLUMNS; n++) {
            out[n] = edge_requantized(&layer->requantize, 0, acc[m][n]);
        }
    }
}

/* `rows` of the strip of a, at most 4, times `columns` of the strips of b. */
static void multiply(const edge_matmul *layer, const uint32_t *a, const uint32_t *b, int32_t rows,
                     int32_t columns, int8_t *out) {
    const int32_t steps = 2 * groups_of(layer), is_plain = !is_quick(&layer->requantize);
    int32_t acc[ROWS][COLUMNS];
    for (; columns > 0; columns -= COLUMNS, b += COLUMNS * steps, out += COLUMNS) {
        edge_dsp_products_4x2(a, b, acc[0], steps);
        (is_plain ? store : store_quick)(layer, acc, rows, columns, out);
    }
}

static void multiply_columns(const edge_matmul *layer, const int8_t *a, const uint32_t *b,
                             int32_t columns, uint32_t *strip, int8_t *out) {
    const int32_t groups = groups_of(layer);
    for (int32_t m = 0; m < layer->rows; m += ROWS, out += ROWS * layer->columns) {
        const int32_t rows = layer->rows - m < ROWS ? layer->rows - m : ROWS;
        for (int32_t i = 0; i < ROWS; i++) {
            const int8_t *const row = a + (m + (i < rows ? i : 0)) * layer->depth;
            widen(strip + i, ROWS, row, 1, layer->depth, groups, layer->a_zero_point);
        }
        multiply(layer, strip, b, rows, columns, out);
    }
}

static void multiply_batch(const edge_matmul *layer, const int8_t *a, const int8_t *b,
                           uint32_t *scratch, int8_t *out) {
    const int32_t groups = groups_of(layer);
    const int32_t pairs = EDGE_DSP_MATMUL_COLUMNS / (16 * groups);
    const int32_t most = pairs > 0 ? COLUMNS * pairs : COLUMNS;
    uint32_t *const strips = scratch + 2 * ROWS * groups;
    for (int32_t n = 0; n < layer->columns; n += most) {
        const int32_t count = layer->columns - n < most ? layer->columns - n : most;
        widen_columns(layer, b + n * (layer->b_transposed ? layer->depth : 1), count, strips);
        multiply_columns(layer, a, strips, count, scratch, out + n);
    }
}

void edge_dsp_matmul_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
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
