/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, float32, every product added unrounded: conv2d_f32.h.
 */
#define EDGE_F32_FUSED
#include "conv2d_f32.h"
#include "edge/kernels.h"

void edge_ref_conv2d_fused_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    (void)scratch;
    convolve(descriptor, in, y, out);
}
