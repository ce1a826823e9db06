/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear layer and pointwise convolution, int8, of sparse weights; see ../neon/sparse_transform.c.
 */
#include "edge/kernels.h"
#include "sparse.h"

#ifdef __ARM_NEON

void edge_neondot_linear_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const int8_t *from = edge_row(in, y);
    EDGE_ASSERT(from != NULL);
    edge_neon_sparse_transform(descriptor, from, out, scratch, &edge_neondot_sparse);
}

#endif
