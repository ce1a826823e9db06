/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse weights for the windows of one output row: the sums of
 * runtime/kernels/simd128/conv2d_s8.c.
 *
 * Scratch: that of sparse.h and 4 columns of `depth` bytes, 16 bytes longer than that: short runs
 * are copied as 16 bytes.
 */
#ifndef EDGE_SIMD128_SPARSE_CONV2D_H
#define EDGE_SIMD128_SPARSE_CONV2D_H

#include "columns.h"
#include "sparse.h"

typedef struct {
    const edge_conv2d *layer;
    const edge_rows *in;
    int32_t y;
} edge_simd_windows;

static inline const int8_t *edge_simd_window_column(const void *source, int32_t p, int8_t *copy) {
    const edge_simd_windows *const windows = source;
    edge_simd_gather(windows->layer, windows->in, windows->y, p, copy);
    return copy;
}

EDGE_SIMD_INLINE void edge_simd_sparse_conv2d(edge_simd_sparse_kernel kernel,
                                              const edge_conv2d *layer, const edge_rows *in,
                                              int32_t y, void *scratch, int8_t *to) {
    const int32_t inputs = layer->kernel_h * layer->kernel_w * layer->in_c;
    const edge_simd_sparse sparse =
        edge_simd_sparse_of(kernel.shape, layer->weights, &layer->requantize, inputs, layer->out_c,
                            layer->out_w, scratch);
    const edge_simd_windows windows = {layer, in, y};
    EDGE_ASSERT(layer->groups == 1);
    edge_simd_sparse_run(kernel, &sparse, edge_simd_window_column, &windows, layer->out_w, to);
}

#endif
