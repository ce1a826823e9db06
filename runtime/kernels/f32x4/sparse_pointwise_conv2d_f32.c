/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with a 1x1 kernel whose weights are mostly zeros, float32: edge/f32x4_sparse.h.
 */
#include "edge/f32x4_sparse.h"
#include "edge/kernels.h"

void edge_f32x4_sparse_pointwise_conv2d_f32(const void *descriptor, const edge_rows *in, int32_t y,
                                            void *out, void *scratch) {
    edge_f32x4_multiply_sparse(descriptor, in, y, out, scratch);
}
