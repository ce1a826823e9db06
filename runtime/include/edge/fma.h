/* SPDX-License-Identifier: Apache-2.0
 *
 * a * b + c in float32, rounded once to nearest even: the fmaf of C99, without a library.
 *
 * Where the CPU has no such instruction: the product of two float32 is exact in double, its sum
 * with c is rounded to odd, and what is odd in 53 bits rounds to 24 bits as the exact sum would
 * (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using
 * rounding to odd", IEEE Transactions on Computers 57, 2008).
 */
#ifndef EDGE_FMA_H
#define EDGE_FMA_H

#include "edge/memory.h"
#include <stdint.h>

#if defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__ARM_FEATURE_FMA) ||                   \
    defined(__aarch64__)
#define EDGE_HAS_FMA 1
#endif

/* The sum rounded to odd, from the sum rounded to nearest and its error, which is not 0. */
static inline double edge_odd_sum(double sum, double error) {
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((bits & 1) == 0) {
        bits += (error > 0.0) == (sum > 0.0) ? 1 : -1;
    }
    memcpy(&sum, &bits, sizeof bits);
    return sum;
}

static inline float edge_fma_emulated_f32(float a, float b, float c) {
    const double product = (double)a * (double)b, sum = product + (double)c;
    const double moved = sum - product; /* Knuth's exact error of a sum */
    const double error = (product - (sum - moved)) + ((double)c - moved);
    /* The error of a sum that is no number is none. */
    return (float)(error < 0.0 || error > 0.0 ? edge_odd_sum(sum, error) : sum);
}

static inline float edge_fma_f32(float a, float b, float c) {
#ifdef EDGE_HAS_FMA
    return __builtin_fmaf(a, b, c);
#else
    return edge_fma_emulated_f32(a, b, c);
#endif
}

#endif
