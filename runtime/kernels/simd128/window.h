/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of a pooling window inside the input.
 */
#ifndef EDGE_SIMD128_WINDOW_H
#define EDGE_SIMD128_WINDOW_H

#include "edge/edge.h"

/* Rows from y_begin to y_end, `columns` from the byte `offset` of each row on. */
typedef struct {
    int32_t y_begin, y_end, columns, offset;
} edge_simd_window;

static inline edge_simd_window edge_simd_window_of(const edge_pool2d *layer, int32_t rows,
                                                   int32_t y, int32_t ox) {
    const int32_t iy = y * layer->stride_h - layer->pad_top, y_end = iy + layer->kernel_h;
    const int32_t ix = ox * layer->stride_w - layer->pad_left, x_end = ix + layer->kernel_w;
    const int32_t begin = ix > 0 ? ix : 0, end = x_end < layer->in_w ? x_end : layer->in_w;
    const edge_simd_window window = {iy > 0 ? iy : 0, y_end < rows ? y_end : rows, end - begin,
                                     begin * layer->in_c};
    return window;
}

#endif
