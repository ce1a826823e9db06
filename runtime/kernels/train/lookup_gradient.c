/* SPDX-License-Identifier: Apache-2.0
 *
 * Table lookup, from the gradient of the output to that of the input:
 *
 *     out[i] = gradient[i] * slope[x[i] + 128], brought to int8; slopes in Q14
 *
 * May write over its input.
 */
#include "edge/kernels.h"
#include "edge/train.h"

void edge_train_lookup_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_elements *layer = descriptor;
    const int8_t *gradient = in[0].data, *x = in[2].data;
    const int16_t *slope = (const int16_t *)in[3].data + 128;
    const int32_t exponent = edge_exponent(&in[1]);
    int8_t *to = out;
    int32_t largest = 0;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        const int32_t magnitude = edge_magnitude(gradient[i] * slope[x[i]]);
        largest = magnitude > largest ? magnitude : largest;
    }
    const int32_t right = edge_excess_bits(largest, 7);
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = edge_narrow(gradient[i] * slope[x[i]], right);
    }
    edge_set_exponent(&in[4], exponent + right);
}
