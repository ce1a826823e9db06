/* SPDX-License-Identifier: Apache-2.0
 *
 * How gradients of products of every arithmetic walk through operands that repeat.
 */
#ifndef EDGE_MUL_GRADIENT_H
#define EDGE_MUL_GRADIENT_H

#include "edge/train.h"

/* Where the element with these indices lies. */
static inline int32_t edge_mul_place(const int32_t *index, const int32_t *stride) {
    int32_t at = 0;
    for (int32_t k = 0; k < EDGE_MAX_RANK; k++) {
        at += index[k] * stride[k];
    }
    return at;
}

static inline void edge_mul_advance(int32_t *index, const int32_t *size) {
    int32_t k = EDGE_MAX_RANK - 1;
    while (++index[k] == size[k] && k > 0) {
        index[k--] = 0;
    }
}

/* How many gradients there are. */
static inline int32_t edge_mul_gradients(const edge_mul_gradient *layer) {
    int32_t count = 1;
    for (int32_t k = 0; k < EDGE_MAX_RANK; k++) {
        count *= layer->size[k];
    }
    return count;
}

/* The other factor at these indices; 1 if there is none. */
static inline int32_t edge_mul_factor(const edge_mul_gradient *layer, const int8_t *other,
                                      const int32_t *index) {
    return other != NULL ? other[edge_mul_place(index, layer->other_stride)] - layer->zero_point
                         : 1;
}

#endif
