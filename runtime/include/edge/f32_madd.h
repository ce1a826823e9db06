/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of a sum of products, in the arithmetic of the kernel that includes this: with
 * EDGE_F32_FUSED defined the product is not rounded before it is added (kernels of the precision
 * fp32-fused), without it is.
 *
 * A fused sum may underflow to -0, which no sum of edge/f32.h is; so 0 is added to a finished one.
 */
#ifndef EDGE_F32_MADD_H
#define EDGE_F32_MADD_H

#include "edge/f32.h"

#ifdef EDGE_F32_FUSED

#include "edge/fma.h"

static inline float edge_madd_f32(float a, float b, float c) {
    return edge_fma_f32(a, b, c);
}

static inline float edge_finished_f32(float sum) {
    return sum + 0.0f;
}

#else

static inline float edge_madd_f32(float a, float b, float c) {
    return c + a * b;
}

static inline float edge_finished_f32(float sum) {
    return sum;
}

#endif

/* acc and the n products of x and w, upwards. */
static inline float edge_dot_f32(const float *x, const float *w, int32_t n, float acc) {
    for (int32_t i = 0; i < n; i++) {
        acc = edge_madd_f32(x[i], w[i], acc);
    }
    return acc;
}

#endif
