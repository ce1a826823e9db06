/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition or subtraction, int8:
 *
 *     out[i] = a[i % a_size] +- b[i % b_size]
 *
 * 0 <= i < elements; the arithmetic of one sum is in edge/add.h.
 */
#include "edge/add.h"
#include "edge/kernels.h"

void edge_ref_add_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    const edge_add *layer = descriptor;
    const int8_t *a = edge_operand_row(&in[0], y);
    const int8_t *b = edge_operand_row(&in[1], y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(a != NULL && b != NULL);
    for (int32_t i = 0, ia = 0, ib = 0; i < layer->elements; i++) {
        to[i] = edge_added(layer, a[ia], b[ib]);
        ia = ia + 1 == layer->a_size ? 0 : ia + 1;
        ib = ib + 1 == layer->b_size ? 0 : ib + 1;
    }
}
