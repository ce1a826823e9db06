/* SPDX-License-Identifier: Apache-2.0
 *
 * The front end that edge/audio/log_mel.py defines, step by step. Right shifts of negative numbers
 * round down, and the high half of a 64-bit product is one instruction on most cores.
 */
#include "edge/log_mel.h"

#include <string.h>

enum { LOG_BITS = 8, ENERGY_BITS = 2 * 4 + 8, ZERO = 21 * 4 };

typedef struct {
    int32_t re, im;
} complex32;

static inline int32_t high_product(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b) >> 32);
}

/* A quarter of z times a rotation in Q30. */
static inline complex32 rotated(int32_t re, int32_t im, const int32_t *rotation) {
    const int32_t c = rotation[0], s = rotation[1];
    return (complex32){high_product(re, c) - high_product(im, s),
                       high_product(re, s) + high_product(im, c)};
}

/* A sample times its weight in Q31, with 15 fraction bits. */
static inline int32_t weighted(int16_t sample, int32_t weight) {
    return (int32_t)(((int64_t)weight * sample) >> 16);
}

/* Pairs of samples, weighted, at the places where the transform wants them. */
static void place(edge_log_mel_bin *bins, const int16_t *samples, int32_t first, int32_t count) {
    const int32_t *const window = edge_log_mel_window + 2 * first;
    const uint8_t *const reversal = edge_log_mel_reversal + first;
    for (int32_t i = 0; i < count; i++) {
        edge_log_mel_bin *const bin = bins + reversal[i];
        bin->z.re = weighted(samples[2 * i], window[2 * i]);
        bin->z.im = weighted(samples[2 * i + 1], window[2 * i + 1]);
    }
}

/* The transform of four, of a quarter of its inputs: a, b, c, d become the values at z, z +
 * quarter, z + 2 * quarter and z + 3 * quarter. */
static inline void butterfly(edge_log_mel_bin *z, int32_t quarter, complex32 a, complex32 b,
                             complex32 c, complex32 d) {
    const complex32 sum = {a.re + c.re, a.im + c.im}, difference = {a.re - c.re, a.im - c.im};
    const complex32 odd = {b.re + d.re, b.im + d.im}, turned = {b.im - d.im, d.re - b.re};
    z[0].z.re = sum.re + odd.re;
    z[0].z.im = sum.im + odd.im;
    z[quarter].z.re = difference.re + turned.re;
    z[quarter].z.im = difference.im + turned.im;
    z[2 * quarter].z.re = sum.re - odd.re;
    z[2 * quarter].z.im = sum.im - odd.im;
    z[3 * quarter].z.re = difference.re - turned.re;
    z[3 * quarter].z.im = difference.im - turned.im;
}

static inline complex32 quarter_of(const edge_log_mel_bin *bin) {
    return (complex32){bin->z.re >> 2, bin->z.im >> 2};
}

static inline complex32 rotated_bin(const edge_log_mel_bin *bin, const int32_t *rotation) {
    return rotated(bin->z.re, bin->z.im, rotation);
}

/* All rotations of the first stage are by nothing. */
static void first_stage(edge_log_mel_bin *z) {
    for (const edge_log_mel_bin *const end = z + EDGE_LOG_MEL_BINS; z < end; z += 4) {
        butterfly(z, 1, quarter_of(z), quarter_of(z + 1), quarter_of(z + 2), quarter_of(z + 3));
    }
}

static void stage(edge_log_mel_bin *bins, int32_t quarter, const int32_t *rotation) {
    const edge_log_mel_bin *const end = bins + EDGE_LOG_MEL_BINS;
    for (int32_t k = 0; k < quarter; k++, rotation += 6) {
        for (edge_log_mel_bin *z = bins + k; z < end; z += 4 * quarter) {
            butterfly(z, quarter, quarter_of(z), rotated_bin(z + quarter, rotation),
                      rotated_bin(z + 2 * quarter, rotation + 2),
                      rotated_bin(z + 3 * quarter, rotation + 4));
        }
    }
}

static void transform(edge_log_mel_bin *bins) {
    const int32_t *rotation = edge_log_mel_rotations;
    first_stage(bins);
    for (int32_t quarter = 4; quarter < EDGE_LOG_MEL_BINS; rotation += 6 * quarter, quarter *= 4) {
        stage(bins, quarter, rotation);
    }
}

static inline uint64_t squared(int32_t re, int32_t im) {
    return (uint64_t)((int64_t)re * re + (int64_t)im * im);
}

/* Frequencies k and BINS - k of the real signal: its even samples went through the transform as
 * real parts, its odd ones as imaginary parts. */
static inline void unpack(edge_log_mel_bin *a, edge_log_mel_bin *b, const int32_t *rotation) {
    enum { EVEN = EDGE_LOG_MEL_EVEN_SHIFT, ODD = EVEN - 2 };
    const complex32 even = {(a->z.re >> EVEN) + (b->z.re >> EVEN),
                            (a->z.im >> EVEN) - (b->z.im >> EVEN)};
    const complex32 odd =
        rotated((a->z.im >> ODD) + (b->z.im >> ODD), (b->z.re >> ODD) - (a->z.re >> ODD), rotation);
    a->power = squared(even.re + odd.re, even.im + odd.im);
    if (a != b) {
        b->power = squared(even.re - odd.re, odd.im - even.im);
    }
}

static void power(edge_log_mel_bin *bins) {
    const int32_t *rotation = edge_log_mel_unpacking;
    unpack(bins, bins, rotation);
    edge_log_mel_bin *a = bins + 1, *b = bins + EDGE_LOG_MEL_BINS - 1;
    for (; a <= b; a++, b--) {
        rotation += 2;
        unpack(a, b, rotation);
    }
}

static int32_t floor_log2(uint64_t value) {
    const uint32_t high = (uint32_t)(value >> 32);
    return high ? 63 - __builtin_clz(high) : 31 - __builtin_clz((uint32_t)value);
}

/* log2 with LOG_BITS fraction bits: straight lines between the points of a table. */
static int32_t log2_of(uint64_t value) {
    const int32_t exponent = floor_log2(value);
    const int32_t mantissa = (int32_t)(uint32_t)(value >> (exponent - 15)) - 32768;
    const int16_t *const point = edge_log_mel_log2 + (mantissa >> 10);
    return exponent * (1 << LOG_BITS) + point[0] +
           (((point[1] - point[0]) * (mantissa & 1023) + 512) >> 10);
}

static int8_t feature(uint64_t energy) {
    const int32_t log = log2_of(energy + ((uint64_t)1 << ENERGY_BITS)) - (ENERGY_BITS << LOG_BITS);
    const int32_t steps = ((log + 32) >> 6) - ZERO;
    return (int8_t)(steps > 127 ? 127 : steps);
}

/* A frequency between the peaks of two bands belongs to both of them, in shares that sum to one:
 * `rising` is what the upper one has of the segment, the rest falls to the lower one. */
static void bands(const edge_log_mel_bin *bin, int8_t *row) {
    const uint16_t *share = edge_log_mel_shares;
    uint64_t before = 0;
    for (int32_t segment = 0; segment <= EDGE_LOG_MEL_BANDS; segment++) {
        uint64_t sum = 0, rising = 0;
        for (int32_t left = edge_log_mel_segments[segment]; left > 0; left--, bin++) {
            sum += bin->power;
            rising += bin->power * *share++;
        }
        if (segment > 0) {
            row[segment - 1] = feature(before + (sum << 8) - rising);
        }
        before = rising;
    }
}

/* The samples that the next window begins with. */
static void keep_tail(int16_t *tail, const int16_t *hop) {
    enum { KEPT = EDGE_LOG_MEL_TAIL - EDGE_LOG_MEL_HOP };
    if (KEPT > 0) {
        memmove(tail, tail + EDGE_LOG_MEL_HOP, (size_t)(KEPT > 0 ? KEPT : 0) * sizeof *tail);
        memcpy(tail + KEPT, hop, EDGE_LOG_MEL_HOP * sizeof *tail);
    } else {
        memcpy(tail, hop - KEPT, (size_t)EDGE_LOG_MEL_TAIL * sizeof *tail);
    }
}

void edge_log_mel_push(edge_log_mel *mel, const int16_t *hop, int8_t *row) {
    place(mel->bins, mel->tail, 0, EDGE_LOG_MEL_TAIL / 2);
    place(mel->bins, hop, EDGE_LOG_MEL_TAIL / 2, EDGE_LOG_MEL_HOP / 2);
    transform(mel->bins);
    power(mel->bins);
    bands(mel->bins + EDGE_LOG_MEL_FIRST_BIN, row);
    keep_tail(mel->tail, hop);
}
