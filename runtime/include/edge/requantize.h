/* SPDX-License-Identifier: Apache-2.0
 *
 * Requantization: int32 accumulator to int8, the one definition that every other kernel reproduces
 * bit for bit. Multipliers are non-negative except the operand multipliers of sub; a result must
 * fit int32, which is proven when the constants are made.
 */
#ifndef EDGE_REQUANTIZE_H
#define EDGE_REQUANTIZE_H

#include "edge/edge.h"

/* C99 leaves the right shift of a negative value to the compiler; we need the arithmetic one. */
typedef char edge_right_shift_is_arithmetic[(-3 >> 1) == -2 ? 1 : -1];
typedef char edge_int32_wraps[(int32_t)0x80000000u < 0 ? 1 : -1];

/* One rounding, half up: (value * multiplier + 2^(30 - shift)) >> (31 - shift), shift in -31..30.
 */
static inline int32_t edge_scale_once(int32_t value, int32_t multiplier, int32_t shift) {
    int32_t right = 31 - shift;
    return (int32_t)(((int64_t)value * multiplier + ((int64_t)1 << (right - 1))) >> right);
}

/* The high half of the doubled product, rounded half up: value * multiplier * 2^-31. */
static inline int32_t edge_multiply_high(int32_t value, int32_t multiplier) {
    return edge_scale_once(value, multiplier, 0);
}

/* value * 2^-right, rounded half away from zero, right in 0..31. */
static inline int32_t edge_divide_by_power(int32_t value, int32_t right) {
    int32_t mask = (int32_t)(((uint32_t)1 << right) - 1u);
    int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
    return (value >> right) + ((value & mask) > threshold ? 1 : 0);
}

/* Two roundings: the doubled high product half up, then a right shift rounding half away from zero.
 * A left shift comes before the product. Jacob et al. 2018 (arXiv:1712.05877), section 2.3, as in
 * the LiteRT reference kernels. */
static inline int32_t edge_scale_twice(int32_t value, int32_t multiplier, int32_t shift) {
    int32_t left = shift > 0 ? shift : 0;
    int32_t right = shift > 0 ? 0 : -shift;
    int32_t high = edge_multiply_high((int32_t)((uint32_t)value << left), multiplier);
    return edge_divide_by_power(high, right);
}

static inline int32_t edge_scale(int32_t value, int32_t multiplier, int32_t shift,
                                 int32_t rounding) {
    return rounding == EDGE_ROUND_ONCE ? edge_scale_once(value, multiplier, shift)
                                       : edge_scale_twice(value, multiplier, shift);
}

static inline int32_t edge_clamp(int32_t value, int32_t minimum, int32_t maximum) {
    return value < minimum ? minimum : value > maximum ? maximum : value;
}

/* clamp(value + zero_point, minimum, maximum) for any int32 value: clamped before the addition, so
 * that nothing overflows. */
static inline int8_t edge_store(int32_t value, int32_t zero_point, int32_t minimum,
                                int32_t maximum) {
    return (int8_t)(edge_clamp(value, minimum - zero_point, maximum - zero_point) + zero_point);
}

/* The int8 result of channel `channel` for an accumulator. */
static inline int8_t edge_requantized(const edge_requantize *q, int32_t channel,
                                      int32_t accumulator) {
    int32_t k = channel * q->per_channel;
    int32_t scaled = edge_scale(accumulator, q->multiplier[k], q->shift[k], q->rounding);
    return edge_store(scaled, q->zero_point, q->minimum, q->maximum);
}

#endif
