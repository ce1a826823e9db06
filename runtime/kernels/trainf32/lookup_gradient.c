/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of one value, from the gradient of the output to that of the input:
 *
 *     out[i] = gradient[i] * table[x[i] + 128]
 *
 * May write over its input.
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

void edge_trainf32_lookup_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const edge_elements *layer = descriptor;
    const float *gradient = in[0].data, *table = in[3].data;
    const int8_t *x = in[2].data;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = gradient[i] * table[x[i] + 128];
    }
}
