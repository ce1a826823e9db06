/* SPDX-License-Identifier: Apache-2.0
 *
 * One sum of add and sub, int8, for every way of walking through the operands:
 *
 *     ONCE:  x' = (x - x.zero_point) * x.multiplier
 *            scaled(t) = (t + 2^(out_shift - 1)) >> out_shift
 *     TWICE: x' = twice((x - x.zero_point) * 2^20, x.multiplier, x.shift)
 *            scaled(t) = twice(t, out_multiplier, out_shift)
 *     out = clamp(zero_point + scaled(a' +- b'))
 *
 * TWICE is the arithmetic of the LiteRT reference kernel.
 *
 * Range: |x - zero_point| <= 255. ONCE: multipliers are below 2^22, so |t| + 2^19 < 2^31. TWICE:
 * |x - zero_point| * 2^20 < 2^28 and operands are scaled by at most 1.
 */
#ifndef EDGE_ADD_H
#define EDGE_ADD_H

#include "edge/requantize.h"

static inline int32_t edge_add_signed(const edge_add *layer, int32_t a, int32_t b) {
    return layer->subtract ? a - b : a + b;
}

static inline int32_t edge_add_once(const edge_add *layer, int32_t a, int32_t b) {
    const int32_t t = edge_add_signed(layer, a * layer->a.multiplier, b * layer->b.multiplier);
    return (t + (1 << (layer->out_shift - 1))) >> layer->out_shift;
}

static inline int32_t edge_add_operand_twice(const edge_operand *operand, int32_t x) {
    return edge_scale_twice(x * (1 << 20), operand->multiplier, operand->shift);
}

static inline int32_t edge_add_twice(const edge_add *layer, int32_t a, int32_t b) {
    const int32_t t = edge_add_signed(layer, edge_add_operand_twice(&layer->a, a),
                                      edge_add_operand_twice(&layer->b, b));
    return edge_scale_twice(t, layer->out_multiplier, layer->out_shift);
}

/* The result for the stored values a and b. */
static inline int8_t edge_added(const edge_add *layer, int8_t a, int8_t b) {
    const int32_t xa = a - layer->a.zero_point;
    const int32_t xb = b - layer->b.zero_point;
    const int32_t sum = layer->rounding == EDGE_ROUND_ONCE ? edge_add_once(layer, xa, xb)
                                                           : edge_add_twice(layer, xa, xb);
    return edge_store(sum, layer->zero_point, layer->minimum, layer->maximum);
}

#endif
