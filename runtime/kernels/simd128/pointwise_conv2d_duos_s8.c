/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with a 1x1 kernel and fully connected layer, int8, sparse weights in blocks
 * of 2 output channels x 2 inputs: sparse_pointwise.h, sparse_duos.c.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include "sparse_pointwise.h"

void edge_simd128_pointwise_conv2d_duos_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                           void *out, void *scratch) {
    const edge_simd_sparse_kernel kernel = {EDGE_SIMD_DUOS, edge_simd128_sparse_duos, NULL};
    edge_simd_sparse_pointwise(kernel, descriptor, edge_row(in, y), scratch, out);
}

#endif
