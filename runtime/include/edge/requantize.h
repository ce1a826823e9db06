/* SPDX-License-Identifier: Apache-2.0
 *
 * Requantization: int32 accumulator to int8, the one definition that every other kernel reproduces
 * bit for bit. Shifts of negative values are arithmetic (gcc, clang; C99 leaves it open), proven by
 * the kernel tests.
 */
#ifndef EDGE_REQUANTIZE_H
#define EDGE_REQUANTIZE_H

#include "edge/edge.h"

/* One rounding, half up: (value * multiplier + 2^(30 - shift)) >> (31 - shift), shift in -31..30.
 */
static inline int32_t edge_scale_once(int32_t value, int32_t multiplier, int32_t shift) {
    int32_t right = 31 - shift;
    return (int32_t)(((int64_t)value * multiplier + ((int64_t)1 << (right - 1))) >> right);
}

/* Two roundings: the doubled high product half up, then a right shift rounding half away from zero.
 * Jacob et al. 2018 (arXiv:1712.05877), section 2.3, as in the LiteRT reference kernels. */
static inline int32_t edge_scale_twice(int32_t value, int32_t multiplier, int32_t shift) {
    int32_t left = shift > 0 ? shift : 0;
    int32_t right = shift > 0 ? 0 : -shift;
    int64_t product = (int64_t)(int32_t)((uint32_t)value << left) * multiplier;
    int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
    int32_t mask = (int32_t)(((uint32_t)1 << right) - 1u);
    int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
    return (high >> right) + ((high & mask) > threshold ? 1 : 0);
}

static inline int32_t edge_scale(int32_t value, int32_t multiplier, int32_t shift,
                                 int32_t rounding) {
    return rounding == EDGE_ROUND_ONCE ? edge_scale_once(value, multiplier, shift)
                                       : edge_scale_twice(value, multiplier, shift);
}

static inline int32_t edge_clamp(int32_t value, int32_t minimum, int32_t maximum) {
    return value < minimum ? minimum : value > maximum ? maximum : value;
}

/* The int8 result of channel `channel` for an accumulator. */
static inline int8_t edge_requantized(const edge_requantize *q, int32_t channel,
                                      int32_t accumulator) {
    int32_t k = channel * q->per_channel;
    int32_t scaled = edge_scale(accumulator, q->multiplier[k], q->shift[k], q->rounding);
    return (int8_t)edge_clamp(scaled + q->zero_point, q->minimum, q->maximum);
}

#endif
