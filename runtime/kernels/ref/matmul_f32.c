/* SPDX-License-Identifier: Apache-2.0
 *
 * Product of two activations, float32: matmul_f32.h.
 */
#include "matmul_f32.h"
#include "edge/kernels.h"

void edge_ref_matmul_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                         void *scratch) {
    (void)scratch;
    multiply_matrices(descriptor, in, y, out);
}
