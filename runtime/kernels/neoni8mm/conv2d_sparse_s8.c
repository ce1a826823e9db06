/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row, one group, of sparse weights; see ../neon/sparse_convolve.c.
 */
#include "edge/kernels.h"
#include "sparse.h"

#ifdef __ARM_NEON

void edge_neoni8mm_conv2d_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                    void *out, void *scratch) {
    edge_neon_sparse_convolve(descriptor, in, y, out, scratch, &edge_neoni8mm_sparse);
}

#endif
