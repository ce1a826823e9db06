/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pixels an output pixel of a resize was made of, for gradients of every arithmetic. Slots:
 * gradient, exponent, indices of rows and of columns, their Q10 fractions; nearest has none.
 */
#ifndef EDGE_RESIZE_GRADIENT_H
#define EDGE_RESIZE_GRADIENT_H

#include "edge/train.h"

/* Up to four pixels, left ones first, and their weights in Q20. */
typedef struct {
    int32_t count;
    int32_t pixel[4], weight[4];
} edge_resize_parts;

static inline int32_t edge_fraction(const edge_rows *slot, int32_t index) {
    return slot->data != NULL ? ((const int16_t *)slot->data)[index] : 0;
}

static inline edge_resize_parts edge_resize_parts_of(const edge_resize_gradient *s,
                                                     const edge_rows *in, int32_t oy, int32_t ox) {
    const int32_t row = ((const int16_t *)in[2].data)[oy], fy = edge_fraction(&in[4], oy);
    const int32_t column = ((const int16_t *)in[3].data)[ox], fx = edge_fraction(&in[5], ox);
    const int32_t below = row + 1 < s->in_h ? row + 1 : row;
    const int32_t beside = column + 1 < s->in_w ? column + 1 : column;
    const edge_resize_parts parts = {
        in[4].data != NULL ? 4 : 1,
        {row * s->in_w + column, below * s->in_w + column, row * s->in_w + beside,
         below * s->in_w + beside},
        {(1024 - fy) * (1024 - fx), fy * (1024 - fx), (1024 - fy) * fx, fy * fx}};
    return parts;
}

#endif
