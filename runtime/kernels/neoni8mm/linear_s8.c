/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear layer, and convolution with a 1x1 kernel, int8; see ../neon/transform.c.
 */
#include "../neon/multiply.h"
#include "edge/kernels.h"

#ifdef __ARM_NEON

void edge_neoni8mm_linear_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const int8_t *from = edge_row(in, y);
    EDGE_ASSERT(from != NULL);
    edge_neon_transform(descriptor, from, out, scratch, edge_neoni8mm_multiply);
}

#endif
