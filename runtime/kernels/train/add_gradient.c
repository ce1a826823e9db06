/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two gradients of one value:
 *
 *     out[i] = gradient[i] * multiplier * 2^power + other[i] * other_multiplier * 2^other_power
 *
 * with the exponents of both, brought to int8. Products have 21 bits and are brought to 8 below the
 * larger exponent of those that are not all zero. May write over the first input.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int is_zero(const int8_t *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (values[i] != 0) {
            return 0;
        }
    }
    return 1;
}

/* Right shift of a product to the common exponent; negative: left. */
typedef struct {
    const int8_t *values;
    int32_t multiplier, right;
} operand;

static int32_t brought(const operand *o, int32_t i) {
    const int32_t product = o->values[i] * o->multiplier;
    return o->right < 0 ? product * (1 << -o->right) : edge_half_up(product, o->right);
}

void edge_train_add_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const edge_add_gradient *layer = descriptor;
    operand a = {in[0].data, layer->multiplier, 0}, b = {in[2].data, layer->other_multiplier, 0};
    int32_t ea = edge_exponent(&in[1]) + layer->power;
    int32_t eb = edge_exponent(&in[3]) + layer->other_power;
    const int no_a = is_zero(a.values, layer->elements), no_b = is_zero(b.values, layer->elements);
    int8_t *to = out;
    int32_t largest = 0;
    (void)y;
    (void)scratch;
    eb = no_b ? ea : eb;
    ea = no_a ? eb : ea;
    const int32_t low = (ea > eb ? ea : eb) - 8;
    a.right = low - ea < 30 ? low - ea : 30;
    b.right = low - eb < 30 ? low - eb : 30;
    for (int32_t i = 0; i < layer->elements; i++) {
        const int32_t magnitude = edge_magnitude(brought(&a, i) + brought(&b, i));
        largest = magnitude > largest ? magnitude : largest;
    }
    const int32_t right = edge_excess_bits(largest, 7);
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = edge_narrow(brought(&a, i) + brought(&b, i), right);
    }
    edge_set_exponent(&in[4], low + right);
}
