/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of a pooling window inside the input.
 */
#ifndef EDGE_NEON_WINDOW_H
#define EDGE_NEON_WINDOW_H

#include "edge/edge.h"

/* `rows` rows from `y` on, `columns` columns from the byte `offset` of each row on. */
typedef struct {
    int32_t y, rows, columns, offset;
} edge_neon_window;

static inline edge_neon_window edge_neon_window_of(const edge_pool2d *layer, const edge_rows *in,
                                                   int32_t y, int32_t ox) {
    const int32_t iy = y * layer->stride_h - layer->pad_top, below = iy + layer->kernel_h;
    const int32_t ix = ox * layer->stride_w - layer->pad_left, right = ix + layer->kernel_w;
    const int32_t top = iy > 0 ? iy : 0, left = ix > 0 ? ix : 0;
    const edge_neon_window window = {top, (below < in->rows ? below : in->rows) - top,
                                     (right < layer->in_w ? right : layer->in_w) - left,
                                     left * layer->in_c};
    return window;
}

#endif
