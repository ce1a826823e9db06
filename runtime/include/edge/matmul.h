/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of the product of two activations, int8.
 */
#ifndef EDGE_MATMUL_H
#define EDGE_MATMUL_H

#include "edge/edge.h"

/* The row `a` times the column that begins at `b`, `step` bytes from value to value. */
static inline int32_t edge_matmul_sum(const edge_matmul *layer, const int8_t *a, const int8_t *b,
                                      int32_t step) {
    int32_t acc = 0;
    for (int32_t k = 0; k < layer->depth; k++, b += step) {
        acc += (a[k] - layer->a_zero_point) * (*b - layer->b_zero_point);
    }
    return acc;
}

#endif
