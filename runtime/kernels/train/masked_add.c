/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition or subtraction, int8, as ref/add_s8, with the mask of what was not clamped. Operands
 * repeat as there.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int32_t operand(const edge_operand *o, int32_t x, int32_t rounding) {
    const int32_t centered = x - o->zero_point;
    return rounding == EDGE_ROUND_ONCE
               ? centered * o->multiplier
               : edge_scale_twice(centered * (1 << 20), o->multiplier, o->shift);
}

static int32_t scaled(const edge_add *layer, int32_t sum) {
    return layer->rounding == EDGE_ROUND_ONCE
               ? (sum + (1 << (layer->out_shift - 1))) >> layer->out_shift
               : edge_scale_twice(sum, layer->out_multiplier, layer->out_shift);
}

void edge_train_masked_add(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                           void *scratch) {
    const edge_add *layer = descriptor;
    const int8_t *a = in[0].data, *b = in[1].data;
    const int32_t low = layer->minimum - layer->zero_point;
    const int32_t high = layer->maximum - layer->zero_point;
    edge_mask mask = {(uint8_t *)in[2].data, 0, 0};
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        const int32_t left = operand(&layer->a, a[i % layer->a_size], layer->rounding);
        const int32_t right = operand(&layer->b, b[i % layer->b_size], layer->rounding);
        const int32_t sum = scaled(layer, layer->subtract ? left - right : left + right);
        edge_mask_put(&mask, sum >= low && sum <= high);
        to[i] = edge_store(sum, layer->zero_point, layer->minimum, layer->maximum);
    }
    edge_mask_end(&mask);
}
