/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected layer, float32: linear_f32.h.
 */
#include "linear_f32.h"
#include "edge/kernels.h"

void edge_ref_linear_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                         void *scratch) {
    (void)scratch;
    multiply_vectors(descriptor, in, y, out);
}
