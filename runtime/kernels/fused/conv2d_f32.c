/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution without groups, float32, every product added unrounded: edge/f32x4_conv2d.h.
 */
#define EDGE_F32_FUSED
#include "edge/f32x4_conv2d.h"
#include "edge/kernels.h"

void edge_fused_conv2d_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                           void *scratch) {
    edge_f32x4_convolve(descriptor, in, y, out, scratch);
}
