/* SPDX-License-Identifier: Apache-2.0
 *
 * The statistics of a vector and its normalized values: see ref/layer_norm_s8.c for the formula.
 */
#ifndef EDGE_LAYER_NORM_H
#define EDGE_LAYER_NORM_H

#include "edge/edge.h"

#define EDGE_ROOT_START 590558003 /* 2.2 and 1.3 with 28 fraction bits */
#define EDGE_ROOT_SLOPE 348966093
#define EDGE_ROOT_STEPS 3

/* Of one vector: its sum, and 1 / sqrt(D) = mantissa * 2^-(43 + exponent). */
typedef struct {
    int32_t channels, sum, mantissa, exponent, right;
} edge_norm;

/* number = m * 4^exponent with m in [2^28, 2^30); Newton's method for y = 1 / sqrt(m / 2^30) with
 * 28 fraction bits, which is in (1, 2]: y = y * (3 - m * y^2) / 2. */
static inline void edge_reciprocal_root(edge_norm *norm, int64_t number) {
    norm->exponent = 0;
    for (; number >= (1 << 30); number >>= 2) {
        norm->exponent++;
    }
    for (; number < (1 << 28); number *= 4) {
        norm->exponent--;
    }
    int64_t y = EDGE_ROOT_START - ((EDGE_ROOT_SLOPE * number) >> 30);
    for (int32_t step = 0; step < EDGE_ROOT_STEPS; step++) {
        const int64_t product = (number * ((y * y) >> 28)) >> 30;
        y = (y * (((int64_t)3 << 28) - product)) >> 29;
    }
    norm->mantissa = (int32_t)y;
}

/* D of a vector with this sum. */
static inline int64_t edge_norm_spread(const edge_layer_norm *layer, const int8_t *x, int32_t sum) {
    int64_t squares = 0;
    for (int32_t i = 0; i < layer->channels; i++) {
        squares += x[i] * x[i];
    }
    return layer->channels * squares - (int64_t)sum * sum + layer->epsilon;
}

static inline edge_norm edge_norm_of(const edge_layer_norm *layer, const int8_t *x) {
    edge_norm norm = {layer->channels, 0, 0, 0, 0};
    for (int32_t i = 0; i < layer->channels; i++) {
        norm.sum += x[i];
    }
    edge_reciprocal_root(&norm, edge_norm_spread(layer, x, norm.sum));
    norm.right = 43 + norm.exponent - layer->fraction_bits;
    return norm;
}

/* h of a value, with fraction_bits. */
static inline int32_t edge_normalized(const edge_norm *norm, int32_t x) {
    const int32_t distance = norm->channels * x - norm->sum;
    const int64_t half = (int64_t)1 << (norm->right - 1);
    return (int32_t)(((int64_t)distance * norm->mantissa + half) >> norm->right);
}

#endif
