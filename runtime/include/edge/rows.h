/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks a kernel over the rows of one output tensor. The direction matters only where input and
 * output overlap in the arena: the memory plan chooses it.
 */
#ifndef EDGE_ROWS_H
#define EDGE_ROWS_H

#include "edge/edge.h"

/* From the first row to the last. */
static inline void edge_down(edge_kernel *kernel, const void *layer, const edge_rows *in,
                             int32_t rows, void *out, int32_t row_bytes, void *scratch) {
    for (int32_t y = 0; y < rows; ++y) {
        kernel(layer, in, y, (char *)out + y * row_bytes, scratch);
    }
}

/* From the last row to the first. */
static inline void edge_up(edge_kernel *kernel, const void *layer, const edge_rows *in,
                           int32_t rows, void *out, int32_t row_bytes, void *scratch) {
    for (int32_t y = rows - 1; y >= 0; --y) {
        kernel(layer, in, y, (char *)out + y * row_bytes, scratch);
    }
}

#endif
