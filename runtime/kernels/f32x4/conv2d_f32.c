/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution without groups, float32: edge/f32x4_conv2d.h.
 */
#include "edge/f32x4_conv2d.h"
#include "edge/kernels.h"

void edge_f32x4_conv2d_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                           void *scratch) {
    edge_f32x4_convolve(descriptor, in, y, out, scratch);
}
