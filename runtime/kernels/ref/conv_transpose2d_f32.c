/* SPDX-License-Identifier: Apache-2.0
 *
 * Transposed convolution, float32: conv_transpose2d_f32.h.
 */
#include "conv_transpose2d_f32.h"
#include "edge/kernels.h"

void edge_ref_conv_transpose2d_f32(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    (void)scratch;
    spread(descriptor, in, y, out);
}
