/* SPDX-License-Identifier: Apache-2.0
 *
 * What the training kernels for the Armv7E-M DSP extension share: 4 positions are taken at a time,
 * widened into a strip of int16 pairs, [steps][4 positions]. Weights are read as they are stored,
 * because those that are trained change, and gradients read the same array the other way round.
 */
#ifndef EDGE_TRAIN_DSP_H
#define EDGE_TRAIN_DSP_H

#include "edge/dsp.h"
#include "edge/memory.h"
#include "edge/train.h"

#define EDGE_TRAIN_STRIP 4 /* positions */

/* Products of 4 positions and 2 neighbouring outputs. */
typedef struct {
    const uint32_t *strip;
    const int8_t *weights;
    int32_t distance; /* bytes from one row of weights to the next */
    int32_t count;    /* rows: words of 4 taps of each row; columns: pairs of rows; not 0 */
    int32_t *sums;    /* [2 outputs][4 positions] */
} edge_train_products;

/* Outputs are two rows of weights; steps of a word are the taps (0, 2) and (1, 3). */
void edge_traindsp_rows_4x2(const edge_train_products *products);

/* Outputs are two columns of weights; a step is a pair of rows. */
void edge_traindsp_columns_4x2(const edge_train_products *products);

/* Products of 4 channels over a window of `rows` x `columns` taps, neither of them 0. Weights are
 * widened: a tap is the pairs of channels (0, 2) and (1, 3). */
typedef struct {
    const int8_t *x;
    const uint32_t *weights;
    int32_t x_step; /* bytes from one column to the next; weights lie one after the other */
    uint32_t minus; /* is added to every pair of x */
    int32_t columns;
    int32_t rows;
    int32_t x_row, weight_row; /* bytes from the end of a row to the next row's start */
    int32_t *sums;             /* of the 4 channels; added to */
} edge_train_taps;

void edge_traindsp_taps_4(const edge_train_taps *taps);

static inline uint32_t edge_train_both(int32_t value) {
    return (uint32_t)(value & 0xffff) * 0x10001u;
}

static inline uint32_t edge_train_pair(int32_t low, int32_t high) {
    return (uint32_t)(low & 0xffff) | (uint32_t)high << 16;
}

#ifdef __ARM_FEATURE_DSP

/* Bytes 0 and 2, bytes 1 and 3, as int16. */
static inline uint32_t edge_train_even(uint32_t word) {
    return edge_dsp_add_even(0, word);
}

static inline uint32_t edge_train_odd(uint32_t word) {
    return edge_dsp_add_odd(0, word);
}

static inline int32_t edge_train_low(uint32_t pair) {
    return (int16_t)(pair & 0xffff);
}

static inline int32_t edge_train_high(uint32_t pair) {
    return (int32_t)pair >> 16;
}

static inline int32_t edge_train_saturated(int32_t value) {
    int32_t kept;
    __asm__("ssat %0, #8, %1" : "=r"(kept) : "r"(value));
    return kept;
}

typedef struct {
    int32_t a, b, c, d;
} edge_train_four;

/* Four values as edge_narrow makes them int8. */
static inline uint32_t edge_train_narrow_4(edge_train_four v, int32_t right) {
    const int32_t a = edge_train_saturated(edge_half_up(v.a, right));
    const int32_t b = edge_train_saturated(edge_half_up(v.b, right));
    const int32_t c = edge_train_saturated(edge_half_up(v.c, right));
    const int32_t d = edge_train_saturated(edge_half_up(v.d, right));
    const uint32_t low = (uint32_t)(a & 0xff) | (uint32_t)(b & 0xff) << 8;
    const uint32_t high = (uint32_t)(c & 0xff) | (uint32_t)(d & 0xff) << 8;
    return edge_dsp_max(low | high << 16, 0x81818181u);
}

/* A value that has as many bits as the largest magnitude. */
static inline int32_t edge_train_bits_4(edge_train_four v) {
    return edge_magnitude(v.a) | edge_magnitude(v.b) | edge_magnitude(v.c) | edge_magnitude(v.d);
}

/* Adds the magnitudes of four bytes to a sum: |x| is the distance of x + 128 from 128. */
static inline uint32_t edge_train_add_magnitudes(uint32_t sum, uint32_t word) {
    __asm__("usada8 %0, %1, %2, %0" : "+r"(sum) : "r"(word ^ 0x80808080u), "r"(0x80808080u));
    return sum;
}

/* Bytes 0, 2 and bytes 1, 3 of `words` words as int16, both with `minus` added. */
static inline void edge_train_widen(uint32_t *to, int32_t pitch, const int8_t *from, int32_t words,
                                    uint32_t minus) {
    for (; words > 0; words--, from += 4, to += 2 * pitch) {
        const uint32_t word = edge_dsp_load(from);
        to[0] = edge_dsp_add_even(minus, word);
        to[pitch] = edge_dsp_add_odd(minus, word);
    }
}

/* The taps of 4 channels as edge_traindsp_taps_4 reads them; `pitch` bytes from tap to tap. */
static inline void edge_train_widen_taps(uint32_t *to, const int8_t *from, int32_t pitch,
                                         int32_t taps) {
    for (; taps > 0; taps--, from += pitch, to += 2) {
        edge_train_widen(to, 1, from, 1, 0);
    }
}

/* The sums of one channel become its outputs: bias added, times multiplier * 2^-(32 + right),
 * rounded once, the zero point added; right is 1 to 22. That is edge_scale_once, whose multiplier
 * is taken 4 times as large, or more for a left shift, so that the rounding constant falls into the
 * upper half of the product, with the zero point. */
typedef struct {
    int32_t bias, multiplier, constant, right;
} edge_train_scale;

static inline edge_train_scale edge_train_scale_of(const edge_requantize *q, const int32_t *bias,
                                                   int32_t channel) {
    const int32_t k = channel * q->per_channel, shift = q->shift[k];
    const int32_t up = shift > -2 ? shift + 2 : 0, right = up - shift - 1;
    const edge_train_scale scale = {bias[channel], q->multiplier[k] << up,
                                    (1 << (right - 1)) + q->zero_point * (1 << right), right};
    return scale;
}

/* Sums become int8, saturated; bits, a word for each position, tell which were inside. */
typedef struct {
    const int32_t *sums;
    const edge_train_scale *scales;
    int8_t *out;
    uint32_t *bits;
    int32_t sum_step;      /* bytes from a channel's sum to the next one's */
    int32_t position_step; /* bytes from a position's first sum to the next one's */
    int32_t gap;           /* bytes from a position's last output to the next one's first */
    int32_t positions;     /* not 0 */
    const edge_train_scale *end;
} edge_train_store;

void edge_traindsp_store(const edge_train_store *store);

static inline void edge_train_clear(uint8_t *mask, int32_t bits) {
    if (mask != NULL) {
        memset(mask, 0, (size_t)((bits + 7) >> 3));
    }
}

/* Adds up to 8 bits to a mask that was cleared, if there is one. */
static inline void edge_train_add_bits(uint8_t *mask, int32_t index, uint32_t bits) {
    const uint32_t placed = bits << (index & 7);
    if (mask != NULL) {
        mask[index >> 3] |= (uint8_t)placed;
        if (placed > 255) {
            mask[(index >> 3) + 1] |= (uint8_t)(placed >> 8);
        }
    }
}

#endif
#endif
