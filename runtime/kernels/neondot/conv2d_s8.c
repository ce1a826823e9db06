/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row, one group; see ../neon/convolve.c.
 */
#include "../neon/multiply.h"
#include "edge/kernels.h"

#ifdef __ARM_NEON

void edge_neondot_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    edge_neon_convolve(descriptor, in, y, out, scratch, edge_neondot_multiply);
}

#endif
