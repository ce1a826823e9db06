/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, float32: edge/f32x4_depthwise.h.
 */
#include "edge/f32x4_depthwise.h"
#include "edge/kernels.h"

void edge_f32x4_depthwise_conv2d_f32(const void *descriptor, const edge_rows *in, int32_t y,
                                     void *out, void *scratch) {
    (void)scratch;
    edge_f32x4_convolve_channels(descriptor, in, y, out);
}
