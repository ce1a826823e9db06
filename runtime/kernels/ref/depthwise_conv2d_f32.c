/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, float32: depthwise_conv2d_f32.h.
 */
#include "depthwise_conv2d_f32.h"
#include "edge/kernels.h"

void edge_ref_depthwise_conv2d_f32(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    (void)scratch;
    convolve_channels(descriptor, in, y, out);
}
