/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition or subtraction, float32:
 *
 *     out[i] = a[i % a_size] +- b[i % b_size] within the limits
 *
 * 0 <= i < elements.
 */
#include "edge/f32.h"
#include "edge/kernels.h"

void edge_ref_add_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    const edge_pair_f32 *layer = descriptor;
    const float *a = edge_operand_row(&in[0], y);
    const float *b = edge_operand_row(&in[1], y);
    float *to = out;
    (void)scratch;
    EDGE_ASSERT(a != NULL && b != NULL);
    for (int32_t i = 0, ia = 0, ib = 0; i < layer->elements; i++) {
        const float made = layer->subtract ? a[ia] - b[ib] : a[ia] + b[ib];
        to[i] = edge_limited_f32(made, layer->minimum, layer->maximum);
        ia = ia + 1 == layer->a_size ? 0 : ia + 1;
        ib = ib + 1 == layer->b_size ? 0 : ib + 1;
    }
}
