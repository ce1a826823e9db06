/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of each vector, int8, as the LiteRT reference kernel, whose exponential is a table here:
 *
 *     e[c] = table[max(x) - x[c]]                         Q0.31
 *     sum = sum over c of e[c] / 2^12 rounded             Q12.19
 *     out[c] = clamp(e[c] / sum * 256 rounded - 128)
 *
 * 0 <= c < classes. With s the sum shifted left until it is in [1, 2), e / sum is e * (1 / s)
 * shifted right.
 *
 * Accumulator: each term is at most 2^19, so 4095 terms stay below 2^31.
 */
#include "edge/kernels.h"
#include "edge/reciprocal.h"

enum { SUM_INTEGER_BITS = 12 };

/* value * 2^-right, halves up, which is away from zero: no value here is negative. */
static int32_t shifted(int32_t value, int32_t right) {
    return (int32_t)(((uint32_t)value + ((uint32_t)1 << (right - 1))) >> right);
}

static int32_t largest(const int8_t *x, int32_t classes) {
    int32_t most = x[0];
    for (int32_t c = 1; c < classes; c++) {
        most = x[c] > most ? x[c] : most;
    }
    return most;
}

static int32_t sum_of_exponentials(const int32_t *table, const int8_t *x, int32_t classes,
                                   int32_t most) {
    int32_t sum = 0;
    for (int32_t c = 0; c < classes; c++) {
        sum += shifted(table[most - x[c]], SUM_INTEGER_BITS);
    }
    return sum;
}

/* How far a positive value can go left before its top bit reaches the sign. */
static int32_t leading_zeros(int32_t value) {
    int32_t zeros = 1;
    for (; value < (1 << 30); value *= 2) {
        zeros++;
    }
    return zeros;
}

static void vector(const int32_t *table, const int8_t *x, int32_t classes, int8_t *out) {
    const int32_t most = largest(x, classes);
    const int32_t sum = sum_of_exponentials(table, x, classes, most);
    const int32_t zeros = leading_zeros(sum);
    const int32_t fraction = (int32_t)(((uint32_t)sum << zeros) - ((uint32_t)1 << 31));
    const int32_t scale = edge_reciprocal_of_one_plus(fraction);
    const int32_t right = SUM_INTEGER_BITS - zeros + 31 - 8;
    for (int32_t c = 0; c < classes; c++) {
        const int32_t share = edge_multiply_high(scale, table[most - x[c]]);
        const int32_t steps = right > 31 ? 0 : shifted(share, right);
        out[c] = (int8_t)((steps > 255 ? 255 : steps) - 128);
    }
}

void edge_ref_softmax_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                         void *scratch) {
    const edge_softmax *layer = descriptor;
    const int8_t *x = edge_row(in, y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL && layer->classes >= 1 && layer->classes < (1 << SUM_INTEGER_BITS));
    for (int32_t v = 0; v < layer->vectors; v++) {
        vector(layer->table, x, layer->classes, to);
        x += layer->classes;
        to += layer->classes;
    }
}
