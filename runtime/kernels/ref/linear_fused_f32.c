/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected layer, float32, every product added unrounded: linear_f32.h.
 */
#define EDGE_F32_FUSED
#include "edge/kernels.h"
#include "linear_f32.h"

void edge_ref_linear_fused_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    (void)scratch;
    multiply_vectors(descriptor, in, y, out);
}
