/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiplication, int8:
 *
 *     out[i] = requantized (a[i % a_size] - a_zero_point) * (b[i % b_size] - b_zero_point)
 *
 * 0 <= i < elements. Accumulator: at most 255 * 255.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

void edge_ref_mul_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    const edge_mul *layer = descriptor;
    const int8_t *a = edge_operand_row(&in[0], y);
    const int8_t *b = edge_operand_row(&in[1], y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(a != NULL && b != NULL && layer->requantize.per_channel == 0);
    for (int32_t i = 0, ia = 0, ib = 0; i < layer->elements; i++) {
        const int32_t acc = (a[ia] - layer->a_zero_point) * (b[ib] - layer->b_zero_point);
        to[i] = edge_requantized(&layer->requantize, 0, acc);
        ia = ia + 1 == layer->a_size ? 0 : ia + 1;
        ib = ib + 1 == layer->b_size ? 0 : ib + 1;
    }
}
