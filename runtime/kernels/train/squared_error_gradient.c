/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean squared error, from outputs and targets of one quantization to the gradient of the outputs:
 *
 *     gradient[i] = y[i] - target[i], brought to int8
 */
#include "edge/kernels.h"
#include "edge/train.h"

void edge_train_squared_error_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                       void *out, void *scratch) {
    const edge_elements *layer = descriptor;
    const int8_t *made = in[0].data, *target = in[1].data;
    int8_t *to = out;
    int32_t largest = 0;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        const int32_t magnitude = edge_magnitude(made[i] - target[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    const int32_t right = edge_excess_bits(largest, 7);
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = edge_narrow(made[i] - target[i], right);
    }
    edge_set_exponent(&in[2], right);
}
