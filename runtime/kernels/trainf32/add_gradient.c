/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of two gradients of one value:
 *
 *     out[i] = gradient[i] * multiplier + other[i] * other_multiplier
 *
 * May write over the first input.
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

void edge_trainf32_add_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_add_gradient_f32 *layer = descriptor;
    const float *a = in[0].data, *b = in[2].data;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = a[i] * layer->multiplier + b[i] * layer->other_multiplier;
    }
}
