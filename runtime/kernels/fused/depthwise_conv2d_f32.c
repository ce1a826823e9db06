/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, float32, every product added unrounded: edge/f32x4_depthwise.h.
 */
#define EDGE_F32_FUSED
#include "edge/f32x4_depthwise.h"
#include "edge/kernels.h"

void edge_fused_depthwise_conv2d_f32(const void *descriptor, const edge_rows *in, int32_t y,
                                     void *out, void *scratch) {
    (void)scratch;
    edge_f32x4_convolve_channels(descriptor, in, y, out);
}
