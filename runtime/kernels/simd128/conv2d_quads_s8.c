/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one group, one output row, sparse weights in blocks
 * of 4 output channels x 2 inputs: sparse_conv2d.h, sparse_quads.c.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include "sparse_conv2d.h"

void edge_simd128_conv2d_quads_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_simd_sparse_kernel kernel = {EDGE_SIMD_QUADS, edge_simd128_sparse_quads,
                                            edge_simd128_sparse_quads_1};
    edge_simd_sparse_conv2d(kernel, descriptor, in, y, scratch, out);
}

#endif
