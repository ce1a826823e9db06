/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse weights for pixels that lie one after another: convolutions with a 1x1 kernel and fully
 * connected layers, the sums of runtime/kernels/simd128/pointwise_conv2d_s8.c.
 *
 * Scratch: that of sparse.h; where in_c is no multiple of 8 also 4 pixels filled up to it. A group
 * of pixels is read completely before its outputs are written.
 */
#ifndef EDGE_SIMD128_SPARSE_POINTWISE_H
#define EDGE_SIMD128_SPARSE_POINTWISE_H

#include "sparse.h"

typedef struct {
    const int8_t *from;
    int32_t in_c, depth;
} edge_simd_pixels;

/* A pixel or, where it has fewer than `depth` bytes, a copy. */
static inline const int8_t *edge_simd_pixel(const void *source, int32_t p, int8_t *copy) {
    const edge_simd_pixels *const pixels = source;
    const int8_t *const from = pixels->from + p * pixels->in_c;
    if (pixels->depth == pixels->in_c) {
        return from;
    }
    memcpy(copy, from, (size_t)pixels->in_c);
    return copy;
}

EDGE_SIMD_INLINE void edge_simd_sparse_pointwise(edge_simd_sparse_kernel kernel,
                                                 const edge_linear *layer, const int8_t *from,
                                                 void *scratch, int8_t *to) {
    const edge_simd_sparse sparse =
        edge_simd_sparse_of(kernel.shape, layer->weights, &layer->requantize, layer->in_c,
                            layer->out_c, layer->pixels, scratch);
    const edge_simd_pixels pixels = {from, layer->in_c, sparse.depth};
    EDGE_ASSERT(from != NULL);
    edge_simd_sparse_run(kernel, &sparse, edge_simd_pixel, &pixels, layer->pixels, to);
}

#endif
