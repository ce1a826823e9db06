/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with a 1x1 kernel and fully connected layer, float32, every product added unrounded:
 * edge/f32x4_pointwise.h.
 */
#define EDGE_F32_FUSED
#include "edge/f32x4_pointwise.h"
#include "edge/kernels.h"

void edge_fused_pointwise_conv2d_f32(const void *descriptor, const edge_rows *in, int32_t y,
                                     void *out, void *scratch) {
    edge_f32x4_multiply_pixels(descriptor, in, y, out, scratch);
}
