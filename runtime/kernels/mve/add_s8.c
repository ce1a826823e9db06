/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition, int8, of operands without repetition; in ONCE also subtraction:
 *
 *     out[i] = clamp(zero_point + scaled(a'[i] +- b'[i]))
 *     ONCE:  x' = (x - x.zero_point) * x.multiplier
 *            scaled(t) = (t + 2^(out_shift - 1)) >> out_shift
 *     TWICE: x' = twice((x - x.zero_point) * 2^20, x.multiplier, x.shift)
 *            scaled(t) = twice(t, out_multiplier, out_shift)
 *
 * ONCE: both zero points, the rounding and the output's zero point are one constant; the planner
 * accepts constants for which the sum fits int32.
 *
 * TWICE: one operand has the larger scale, half of the doubled one: multiplier 2^30, shift 0, so
 * that x' = (x - zero point) * 2^19 exactly. It is called a below. Of the other, b, and of the
 * output, one less before a rounding shift makes halves of negative numbers round away from zero.
 * If b has no shift, it is the same half; then it is doubled before and shifted by 1 after, which
 * is exact.
 *
 * 4 elements are read completely before any is written.
 */
#include "edge/kernels.h"
#include "edge/mve.h"

#ifdef __ARM_FEATURE_MVE

static edge_mve_add constants_once(const edge_add *layer) {
    const int32_t b = layer->subtract ? -layer->b.multiplier : layer->b.multiplier;
    const int32_t bias = layer->zero_point * (1 << layer->out_shift) +
                         (1 << (layer->out_shift - 1)) - layer->a.zero_point * layer->a.multiplier -
                         layer->b.zero_point * b;
    const edge_mve_add add = {
        .a_scale = layer->a.multiplier, .b_scale = b, .a_bias = bias, .shift = -layer->out_shift};
    return add;
}

static int is_half(const edge_operand *operand) {
    return operand->multiplier == 1 << 30 && operand->shift == 0;
}

static edge_mve_add constants_twice(const edge_add *layer, const edge_operand *a,
                                    const edge_operand *b) {
    const int32_t b_scale = b->shift < 0 ? 1 << 20 : 1 << 21;
    const edge_mve_add add = {.a_scale = 1 << 19,
                              .b_scale = b_scale,
                              .a_bias = -a->zero_point * (1 << 19),
                              .b_bias = -b->zero_point * b_scale,
                              .b_multiplier = b->multiplier,
                              .b_shift = b->shift < 0 ? b->shift : -1,
                              .multiplier = layer->out_multiplier,
                              .shift = layer->out_shift,
                              .zero_point = layer->zero_point};
    return add;
}

void edge_mve_add_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    const edge_add *layer = descriptor;
    const int8_t *a = edge_operand_row(&in[0], y), *b = edge_operand_row(&in[1], y);
    const int once = layer->rounding == EDGE_ROUND_ONCE;
    const int swapped = !once && !is_half(&layer->a);
    edge_mve_add add = once      ? constants_once(layer)
                       : swapped ? constants_twice(layer, &layer->b, &layer->a)
                                 : constants_twice(layer, &layer->a, &layer->b);
    (void)scratch;
    EDGE_ASSERT(a != NULL && b != NULL);
    EDGE_ASSERT(layer->a_size == layer->elements && layer->b_size == layer->elements);
    add.a = swapped ? b : a;
    add.b = swapped ? a : b;
    add.out = out;
    add.elements = layer->elements;
    (once ? edge_mve_add_4_once : edge_mve_add_4_twice)(&add);
    edge_mve_clamp_all(out, layer->elements, layer->minimum, layer->maximum);
}

#endif
