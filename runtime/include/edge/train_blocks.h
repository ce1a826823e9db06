/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of which only live blocks are stored: 4 input channels of one tap each, in the order of
 * the dense weight [out][kernel_h][kernel_w][in]. Of the last two input slots of an operator the
 * first says which four channels each block has, the second how many blocks there are for each
 * output channel and tap.
 */
#ifndef EDGE_TRAIN_BLOCKS_H
#define EDGE_TRAIN_BLOCKS_H

#include "edge/train.h"

#define EDGE_BLOCK 4

/* The output positions for which a tap lies inside of the input, and where it lies there. */
typedef struct {
    int32_t rows, columns;
    int32_t out, out_row;        /* the first position, and from one row to the next */
    int32_t in, in_step, in_row; /* elements: the first, to the next position, to the next row */
} edge_span;

/* The first o with o * stride >= from. */
static inline int32_t edge_at_least(int32_t from, int32_t stride) {
    return from > 0 ? (from + stride - 1) / stride : 0;
}

static inline edge_span edge_span_of(const edge_window *s, int32_t tap) {
    const int32_t top = s->pad_top - tap / s->kernel_w * s->dilation_h;
    const int32_t left = s->pad_left - tap % s->kernel_w * s->dilation_w;
    const int32_t y = edge_at_least(top, s->stride_h), x = edge_at_least(left, s->stride_w);
    const int32_t y_end = edge_at_least(s->in_h + top, s->stride_h);
    const int32_t x_end = edge_at_least(s->in_w + left, s->stride_w);
    const edge_span span = {(y_end < s->out_h ? y_end : s->out_h) - y,
                            (x_end < s->out_w ? x_end : s->out_w) - x,
                            y * s->out_w + x,
                            s->out_w,
                            ((y * s->stride_h - top) * s->in_w + x * s->stride_w - left) * s->in_c,
                            s->stride_w * s->in_c,
                            s->stride_h * s->in_w * s->in_c};
    return span;
}

#endif
