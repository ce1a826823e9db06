/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean squared error, from outputs and targets of one quantization to the gradient of the outputs:
 *
 *     gradient[i] = y[i] - target[i]
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

void edge_trainf32_squared_error_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                          void *out, void *scratch) {
    const edge_elements *layer = descriptor;
    const int8_t *made = in[0].data, *target = in[1].data;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = (float)(made[i] - target[i]);
    }
}
