/* SPDX-License-Identifier: Apache-2.0
 *
 * Product, from the gradient of the output to that of an operand, summed where the operand repeats:
 *
 *     out[i] = sum over the positions q that read i of gradient[q] * (other[q] - zero_point)
 *
 * in the order of the gradient. Without an other factor (sum_gradient) the gradients are added.
 */
#include "edge/mul_gradient.h"
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train_f32.h"

void edge_trainf32_mul_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_mul_gradient *layer = descriptor;
    const float *gradient = in[0].data;
    const int8_t *other = in[2].data;
    int32_t index[EDGE_MAX_RANK] = {0};
    float *to = out;
    (void)y;
    (void)scratch;
    memset(to, 0, (size_t)layer->outputs * sizeof *to);
    for (int32_t n = edge_mul_gradients(layer); n > 0; n--, gradient++) {
        const int32_t factor = edge_mul_factor(layer, other, index);
        to[edge_mul_place(index, layer->out_stride)] += *gradient * (float)factor;
        edge_mul_advance(index, layer->size);
    }
}
