/* SPDX-License-Identifier: Apache-2.0
 *
 * int16 sums become an int8 gradient. May write over its input.
 */
#include "edge/kernels.h"
#include "edge/train.h"

void edge_train_narrow_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_elements *layer = descriptor;
    const int16_t *wide = in[0].data;
    const int32_t exponent = edge_exponent(&in[1]);
    int8_t *to = out;
    int32_t largest = 0;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        const int32_t magnitude = edge_magnitude(wide[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    const int32_t right = edge_excess_bits(largest, 7);
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = edge_narrow(wide[i], right);
    }
    edge_set_exponent(&in[2], exponent + right);
}
