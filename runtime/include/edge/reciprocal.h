/* SPDX-License-Identifier: Apache-2.0
 *
 * 1 / (1 + x) in 32-bit fixed point by Newton's method, in the operation order and with the
 * roundings of the LiteRT reference softmax, whose outputs depend on each of them. QI.F means I
 * integer and F fraction bits beside the sign.
 */
#ifndef EDGE_RECIPROCAL_H
#define EDGE_RECIPROCAL_H

#include "edge/requantize.h"

/* value * 2^left, saturated to int32; left in 1..30. */
static inline int32_t edge_shift_left_saturated(int32_t value, int32_t left) {
    int32_t limit = INT32_MAX >> left;
    if (value > limit) {
        return INT32_MAX;
    }
    return value < -limit - 1 ? INT32_MIN : (int32_t)((uint32_t)value << left);
}

/* 1 / (1 + x) in Q0.31 for x in [0, 1) in Q0.31.
 * With d = (1 + x) / 2 in [1/2, 1): start at 48/17 - 32/17 d, whose error is at most 1/17, and
 * square the error three times with t += t (1 - d t); t is in Q2.29, 1 - d t as well, so their
 * product is in Q4.27. The result is t / 2. */
static inline int32_t edge_reciprocal_of_one_plus(int32_t x) {
    const int32_t one_q2 = 1 << 29;
    int32_t d = (int32_t)(((int64_t)x + INT32_MAX + 1) >> 1);
    int32_t t = 1515870810 + edge_multiply_high(d, -1010580540);
    for (int32_t step = 0; step < 3; step++) {
        int32_t error = one_q2 - edge_multiply_high(d, t);
        t += edge_shift_left_saturated(edge_multiply_high(t, error), 2);
    }
    return edge_shift_left_saturated(t, 1);
}

#endif
