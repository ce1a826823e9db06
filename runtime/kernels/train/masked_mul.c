/* SPDX-License-Identifier: Apache-2.0
 *
 * Product, int8, as ref/mul_s8, with the mask of what was not clamped. Operands repeat as there.
 */
#include "edge/kernels.h"
#include "edge/train.h"

void edge_train_masked_mul(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                           void *scratch) {
    const edge_mul *layer = descriptor;
    const int8_t *a = in[0].data, *b = in[1].data;
    edge_mask mask = {(uint8_t *)in[2].data, 0, 0};
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        const int32_t left = a[i % layer->a_size] - layer->a_zero_point;
        const int32_t right = b[i % layer->b_size] - layer->b_zero_point;
        to[i] = edge_requantize_masked(&layer->requantize, 0, left * right, &mask);
    }
    edge_mask_end(&mask);
}
