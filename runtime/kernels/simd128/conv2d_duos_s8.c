/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one group, one output row, sparse weights in blocks
 * of 2 output channels x 2 inputs: sparse_conv2d.h, sparse_duos.c.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include "sparse_conv2d.h"

void edge_simd128_conv2d_duos_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                 void *scratch) {
    const edge_simd_sparse_kernel kernel = {EDGE_SIMD_DUOS, edge_simd128_sparse_duos, NULL};
    edge_simd_sparse_conv2d(kernel, descriptor, in, y, scratch, out);
}

#endif
