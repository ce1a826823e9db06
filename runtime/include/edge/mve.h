/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels for Arm's M-profile vector extension (Helium) share: the contract of the
 * assembly routines, and copies of bytes that read and write nothing else.
 *
 * Channels come in groups of 4. A record is 12 words a group: 4 start values of the accumulators,
 * 4 multipliers m, 4 shifts -e. A result is acc * m * 2^-31 * 2^-e before the zero point is added:
 *
 *     once     e = 0: the doubled product's upper half, rounded half up (VQRDMULH)
 *     shifted  e >= 1: the doubled product's upper half without rounding (VQDMULH), then a right
 *              shift that rounds half up: together one rounding
 *     twice    e >= 1: VQRDMULH, then a right shift that rounds half away from zero: one less for
 *              negative numbers before a shift that rounds half up
 *     rising   the same without that one less, where outputs below the zero point are clamped to
 *              it: which way half of a negative number goes does not show
 *
 * all of them bit for bit those of edge/requantize.h. Weights of a channel are rounded up to whole
 * vectors of 16 with zeros: whatever the input holds there does not count.
 */
#ifndef EDGE_MVE_H
#define EDGE_MVE_H

#include "edge/edge.h"

/* Pairs of pixels times all channels. */
typedef struct {
    const int8_t *in;       /* first pixel: 16 * vectors readable bytes each */
    int32_t in_pitch;       /* bytes from a pixel to the next */
    const int8_t *weights;  /* [groups of 4][vectors][4][16] */
    const int32_t *records; /* [groups] */
    int8_t *out;
    int32_t out_pitch;
    int32_t channels;
    int32_t vectors; /* at least 1 */
    int32_t pairs;   /* at least 1 */
    int32_t zero_point;
} edge_mve_dot;

typedef void edge_mve_product(const edge_mve_dot *dot);
edge_mve_product edge_mve_dot_2x4_once;
edge_mve_product edge_mve_dot_2x4_shifted;
edge_mve_product edge_mve_dot_2x4_twice;
edge_mve_product edge_mve_dot_2x4_rising;

/* One pixel times all channels; pitches and pairs are not used. */
edge_mve_product edge_mve_dot_1x4_once;
edge_mve_product edge_mve_dot_1x4_shifted;
edge_mve_product edge_mve_dot_1x4_twice;

/* Whether ONCE has shifts: packing leaves out the array of shifts where it has none. */
static inline int edge_mve_has_shifts(const edge_requantize *q) {
    return q->shift != NULL;
}

/* Whether outputs below the zero point do not show. */
static inline int edge_mve_rises(const edge_requantize *q) {
    return q->minimum >= q->zero_point;
}

static inline edge_mve_product *edge_mve_pairs_product(const edge_requantize *q) {
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_mve_has_shifts(q) ? edge_mve_dot_2x4_shifted : edge_mve_dot_2x4_once;
    }
    return edge_mve_rises(q) ? edge_mve_dot_2x4_rising : edge_mve_dot_2x4_twice;
}

static inline edge_mve_product *edge_mve_single_product(const edge_requantize *q) {
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_mve_has_shifts(q) ? edge_mve_dot_1x4_shifted : edge_mve_dot_1x4_once;
    }
    return edge_mve_dot_1x4_twice;
}

/* `pixels` of which dot describes the pairs; a single one is left if they are odd. */
static inline void edge_mve_multiply(const edge_requantize *q, const edge_mve_dot *dot,
                                     int32_t pixels) {
    if (dot->pairs > 0) {
        edge_mve_pairs_product(q)(dot);
    }
    if (pixels & 1) {
        edge_mve_dot last = *dot;
        last.in += (pixels - 1) * dot->in_pitch;
        last.out += (pixels - 1) * dot->out_pitch;
        edge_mve_single_product(q)(&last);
    }
}

/* The same piece of several rows under pairs of pixels, copied to their patches. */
typedef struct {
    const int8_t *const *rows;
    int32_t count;  /* of rows, at least 1 */
    int32_t offset; /* of the first pixel's piece in the rows */
    int32_t step;   /* bytes from a pixel's piece to the next one's; 0 for a single pixel */
    int32_t bytes;  /* of a piece, at least 1 */
    int8_t *to;
    int32_t to_pitch; /* bytes from a patch to the next; 0 for a single pixel */
    int32_t segment;  /* bytes from a piece to the next in a patch */
    int32_t pairs;    /* at least 1 */
} edge_mve_patch;

void edge_mve_patch_2(const edge_mve_patch *patch);

/* Rows of int8 woven into words: byte k of a word is from row k. The fourth byte is row 2 again and
 * meets weights of 0. */
typedef struct {
    void *to;
    const int8_t *rows[3];
    int32_t steps[3];  /* bytes from a vector to the next, of each row */
    int32_t to_step;   /* the same of `to` */
    int32_t vectors;   /* at least 1 */
    int32_t lanes;     /* bytes to read; a vector reads 16 of them at most */
    int32_t lane_step; /* lanes fewer with each vector */
} edge_mve_weave;

void edge_mve_weave_3(const edge_mve_weave *weave);

/* How far it is from a pair of outputs to the next one. */
typedef struct edge_mve_pace {
    int32_t column_step, out_step; /* bytes */
    int32_t zero_point;
    const struct edge_mve_pace *next; /* pace after that */
} edge_mve_pace;

/* Pairs of depthwise outputs of one row from woven columns. Taps of more than 3 rows or 4 columns
 * are taken in pieces of that size; the last piece of a row of them ends with the last column, and
 * the weights of columns that the one before has as well are 0. */
typedef struct {
    const void *columns;  /* of the first output: columns of words for each channel */
    int32_t column_pitch; /* bytes from a column to the next */
    int32_t kernel_w;
    const int8_t *weights; /* [groups of 4 channels][pieces][4 channels][4 columns][4 rows] */
    const int32_t *records;
    int8_t *out;
    int32_t channels;       /* at least 1; 16 are made if there are more */
    int32_t pairs;          /* at least 1 */
    int32_t second_columns; /* bytes from the first output of a pair to the second one: columns */
    int32_t second_out;     /* and outputs */
    const edge_mve_pace *pace;
    const int32_t *deltas; /* bytes from the columns of a piece to those of the next, then 0 */
    int32_t pieces;
} edge_mve_depthwise;

typedef void edge_mve_depthwise_2x4(const edge_mve_depthwise *depthwise);
edge_mve_depthwise_2x4 edge_mve_depthwise_2x4_once;
edge_mve_depthwise_2x4 edge_mve_depthwise_2x4_twice;
edge_mve_depthwise_2x4 edge_mve_depthwise_2x4_rising;

/* The same for more than one piece. */
edge_mve_depthwise_2x4 edge_mve_depthwise_large_2x4_once;
edge_mve_depthwise_2x4 edge_mve_depthwise_large_2x4_twice;
edge_mve_depthwise_2x4 edge_mve_depthwise_large_2x4_rising;

/* Sums of elements a and b; the arithmetic is in add_s8.c. Shifts are negative. */
typedef struct {
    const int8_t *a;
    const int8_t *b;
    int8_t *out;
    int32_t elements;
    int32_t a_scale, b_scale;
    int32_t a_bias, b_bias, b_multiplier, b_shift; /* a_bias: of the sum in `once` */
    int32_t multiplier, shift, zero_point;         /* of the output; shift alone in `once` */
} edge_mve_add;

void edge_mve_add_4_once(const edge_mve_add *add);
void edge_mve_add_4_twice(const edge_mve_add *add);

static inline int32_t edge_mve_vectors(int32_t bytes) {
    return (bytes + 15) >> 4;
}

#ifdef __ARM_FEATURE_MVE

/* In assembly because compilers differ in what they make of tail predication. */
static inline void edge_mve_copy(int8_t *to, const int8_t *from, int32_t bytes) {
    __asm__ volatile("wlstp.8 lr, %2, 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%0], #16\n\t"
                     "vstrb.8 q0, [%1], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(from), "+r"(to)
                     : "r"(bytes)
                     : "q0", "lr", "memory");
}

static inline void edge_mve_fill(int8_t *to, int32_t value, int32_t bytes) {
    __asm__ volatile("vdup.8 q0, %1\n\t"
                     "wlstp.8 lr, %2, 2f\n"
                     "1:\n\t"
                     "vstrb.8 q0, [%0], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(to)
                     : "r"(value), "r"(bytes)
                     : "q0", "lr", "memory");
}

/* Clamp bytes that were saturated to int8 to the tighter range of a fused activation. */
static inline void edge_mve_clamp_all(int8_t *out, int32_t bytes, int32_t minimum,
                                      int32_t maximum) {
    if (minimum == -128 && maximum == 127) {
        return;
    }
    __asm__ volatile("vdup.8 q1, %1\n\t"
                     "vdup.8 q2, %2\n\t"
                     "wlstp.8 lr, %3, 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%0]\n\t"
                     "vmax.s8 q0, q0, q1\n\t"
                     "vmin.s8 q0, q0, q2\n\t"
                     "vstrb.8 q0, [%0], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(out)
                     : "r"(minimum), "r"(maximum), "r"(bytes)
                     : "q0", "q1", "q2", "lr", "memory");
}

#endif
#endif
