/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse convolution for the Armv7E-M DSP extension: blocks of 1 output channel x 4 taps, of which
 * only those with a nonzero weight are stored.
 *
 * Strips hold the taps of 6, 4, 3 or 1 pixels as int16 pairs: for every word b0 b1 b2 b3 of the
 * input the pairs (b1, b3) of the pixels, then their pairs (b0, b2). In strips of 6 these are the
 * first 3 pixels, and the others follow. A word takes 48 bytes in strips of 6 and 4, 24 in those of
 * 3, 12 in those of 1; what is left is unused.
 *
 * Stream, for each channel, little endian and unaligned:
 *
 *     int32   bias << 8 | (number of blocks) % 8 << 5, |bias| < 2^23
 *     blocks  a byte, 3 times the words that are skipped before (at most 84), and 4 weights; wider
 *             gaps are bridged by blocks of zeros
 *     uint8   255
 *     uint8   f of edge/dsp.h, only in `twice`
 *     int32   q of edge/dsp.h
 *
 * Fully connected layers take blocks of 4 output channels x 4 inputs: the units of linear_1x4.S.
 */
#ifndef EDGE_DSP_SPARSE_H
#define EDGE_DSP_SPARSE_H

#include "edge/dsp.h"

#define EDGE_DSP_SPARSE_MOST 6        /* pixels of a strip */
#define EDGE_DSP_SPARSE_WORD_BYTES 48 /* of a strip for each word of a pixel */

typedef struct {
    const uint8_t *stream;
    const void *strip; /* 4-byte aligned */
    int32_t offset;    /* 2 * zero point + 1 */
    int8_t *out;       /* of pixel 0 */
    int32_t pitch;     /* bytes from a pixel's outputs to the next one's */
    int32_t pitch_3;   /* three times as many */
    int32_t last;      /* bytes from the first pixel's outputs to the last one's */
    int8_t *end;       /* out + channels */
} edge_dsp_sparse;

typedef void edge_dsp_sparse_routine(const edge_dsp_sparse *sparse);

/* By pixels; f = 0 in `once`. */
edge_dsp_sparse_routine edge_dsp_sparse_6_once, edge_dsp_sparse_6_twice;
edge_dsp_sparse_routine edge_dsp_sparse_4_once, edge_dsp_sparse_4_twice;
edge_dsp_sparse_routine edge_dsp_sparse_3_once, edge_dsp_sparse_3_twice;
edge_dsp_sparse_routine edge_dsp_sparse_1_once, edge_dsp_sparse_1_twice;

/* Several strips of 6 pixels, one behind the other, and their outputs. */
typedef struct {
    int32_t pitch, pitch_3, pitch_5; /* bytes from pixel 0 to pixels 1, 3 and 5 */
    int32_t strip_bytes;
    const void *strips_end;
    const uint8_t *stream;
    const void *strips; /* 4-byte aligned */
    int32_t *blocks;    /* 3 words for each block of a channel, and 3 more */
    int32_t offset;     /* 2 * zero point + 1 */
    int8_t *out;        /* of pixel 0 of the first strip */
    int8_t *end;        /* out + channels */
} edge_dsp_sparse_many;

void edge_dsp_sparse_many_once(const edge_dsp_sparse_many *many);
void edge_dsp_sparse_many_twice(const edge_dsp_sparse_many *many);

/* Widen `words` words of so many pixels and return the end of the strip. The last of 6 or 3 pixels
 * lies `last` bytes behind the first: less than its place where pixels are missing, which repeats
 * the one before. */
void *edge_dsp_widen_6x1(void *strip, const int8_t *in, int32_t pitch, int32_t words, int32_t last);
void *edge_dsp_widen_4x1(void *strip, const int8_t *in, int32_t pitch, int32_t words);
void *edge_dsp_widen_3x1(void *strip, const int8_t *in, int32_t pitch, int32_t words, int32_t last);
void *edge_dsp_widen_1x1(void *strip, const int8_t *in, int32_t words);

/* sparse_strips.c: how many of the pixels left make the next strip; widening and multiplying it. */
int32_t edge_dsp_sparse_pixels(int32_t left);
void *edge_dsp_sparse_widen(void *strip, const int8_t *in, int32_t pitch, int32_t words,
                            int32_t pixels);
void edge_dsp_sparse_multiply(const void *strip, const void *stream, const edge_requantize *q,
                              int8_t *out, int32_t channels, int32_t pixels);

/* sparse_pixels.c */
void edge_dsp_sparse_convolve_pixels(const edge_linear *layer, int32_t together, const int8_t *in,
                                     int8_t *out, void *scratch);

/* One vector times channels in groups of 4; fields as in edge_dsp_linear. */
typedef struct {
    const void *in; /* int16 pairs, 4-byte aligned */
    const int32_t *units;
    const int32_t *starts;
    int8_t *out;
    int8_t *end;
    const uint8_t *skips; /* a group: (number of units) % 4, the units skipped before each, 255 */
    int32_t multiplier;
    int32_t f;
    int32_t offset;
    const int32_t *multipliers; /* of `channels`: one a channel */
} edge_dsp_linear_sparse;

void edge_dsp_linear_sparse_once(const edge_dsp_linear_sparse *linear);
void edge_dsp_linear_sparse_twice(const edge_dsp_linear_sparse *linear);
void edge_dsp_linear_sparse_channels(const edge_dsp_linear_sparse *linear);

/* One vector times channels in groups of 4, of pairs of inputs that have weights; the stream is
 * described in linear_pairs.S, the pairs of a window in widen_pairs.S. */
typedef void edge_dsp_linear_pairs(const void *strip, const int32_t *stream, int32_t offset,
                                   int8_t *out);

edge_dsp_linear_pairs edge_dsp_linear_pairs_once, edge_dsp_linear_pairs_shifted;
edge_dsp_linear_pairs edge_dsp_linear_pairs_twice;
void *edge_dsp_widen_pairs_6(void *strip, const int8_t *in, const int8_t *end);
void *edge_dsp_widen_pairs_16(void *strip, const int8_t *in, const int8_t *end);
void *edge_dsp_widen_pairs_28(void *strip, const int8_t *in, const int8_t *end);

/* A strip of 8, 6, 4 or 2 pixels, and weights that stand in it at places of their own.
 *
 * scattered.S, single weights: a place of 16 bytes for each input channel, of words that hold two
 * pixels each, a + 2^23 * b. row_pairs.S, pairs of weights: 6 places of 32 bytes for each 4 input
 * channels, the pairs of int16 of widen_pairs.S, a word a pixel.
 *
 * Stream, for each channel, little endian and unaligned:
 *
 *     uint8   (number of weights or pairs) % 8
 *     start   single weights: int64, bias + 2^23 * bias, |bias| and all sums < 2^22; pairs: int32
 *     uint8   step to the first weight or pair
 *     weights a weight and the step to the next one, or the weight of the lower half of a pair, the
 *             step, and that of the upper half; 255 instead of the last step
 *     uint8   f of edge/dsp.h, only in `twice`
 *     int32   q of edge/dsp.h
 *
 * Steps of single weights are places from the one before, to the first one 1 more than its place,
 * at most 254; those of pairs are the places between. Wider gaps are bridged by zeros. */
typedef struct {
    const uint8_t *stream;
    const char *strip; /* 4-byte aligned; of single weights, a place before it */
    int32_t offset;    /* 2 * zero point + 1 */
    int8_t *out;       /* of pixel 0 */
    int32_t pitch, pitch_3, pitch_5, last; /* bytes from pixel 0 to pixels 1, 3, 5 and the last */
    int8_t *end;                           /* out + channels */
} edge_dsp_scattered;

typedef void edge_dsp_scattered_routine(const edge_dsp_scattered *scattered);

edge_dsp_scattered_routine edge_dsp_scattered_8_once, edge_dsp_scattered_8_twice;
edge_dsp_scattered_routine edge_dsp_scattered_6_once, edge_dsp_scattered_6_twice;
edge_dsp_scattered_routine edge_dsp_scattered_4_once, edge_dsp_scattered_4_twice;
edge_dsp_scattered_routine edge_dsp_scattered_2_once, edge_dsp_scattered_2_twice;
edge_dsp_scattered_routine edge_dsp_row_pairs_8_once, edge_dsp_row_pairs_8_twice;
edge_dsp_scattered_routine edge_dsp_row_pairs_6_once, edge_dsp_row_pairs_6_twice;
edge_dsp_scattered_routine edge_dsp_row_pairs_4_once, edge_dsp_row_pairs_4_twice;
edge_dsp_scattered_routine edge_dsp_row_pairs_2_once, edge_dsp_row_pairs_2_twice;

/* The words of two pixels in all places of a strip; `words` of 4 input channels. */
typedef void edge_dsp_widen_pixels(void *strip, const int8_t *in, const int8_t *other,
                                   int32_t words);

edge_dsp_widen_pixels edge_dsp_widen_duo, edge_dsp_widen_row_pairs;

typedef struct {
    edge_dsp_scattered_routine *once[4], *twice[4]; /* by pairs of pixels */
    edge_dsp_widen_pixels *widen;
    int32_t duo_bytes; /* of two pixels in a place */
    int32_t before;    /* bytes before a strip where places are counted from */
} edge_dsp_scattered_form;

/* scattered_pixels.c */
void edge_dsp_scattered_pixels(const edge_dsp_scattered_form *form, const edge_linear *layer,
                               const int8_t *in, int8_t *out, void *scratch);

/* Bytes that a word takes in a strip of so many pixels. */
static inline int32_t edge_dsp_sparse_word_bytes(int32_t pixels) {
    return pixels > 3 ? 48 : pixels > 1 ? 24 : 12;
}

#endif
