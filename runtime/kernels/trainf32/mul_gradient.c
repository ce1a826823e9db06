/* SPDX-License-Identifier: Apache-2.0
 *
 * Product, from the gradient of the output to that of an operand, summed where the operand repeats:
 *
 *     out[i] = sum over the positions q that read i of gradient[q] * (other[q] - zero_point)
 *
 * in the order of the gradient. Without an other factor (sum_gradient) the gradients are added.
 */
#include "edge/broadcast.h"
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train_f32.h"

void edge_trainf32_mul_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_mul_gradient *layer = descriptor;
    const edge_broadcast *s = &layer->shape;
    const float *gradient = in[0].data;
    const int8_t *other = in[2].data;
    (void)y;
    (void)scratch;
    memset(out, 0, (size_t)layer->outputs * sizeof *gradient);
    for (int32_t run = 0; run < edge_broadcast_runs(s); run++) {
        float *to = (float *)out + edge_broadcast_start(s, s->a_stride, run);
        int32_t at = edge_broadcast_start(s, s->b_stride, run);
        for (int32_t i = s->size[EDGE_BROADCAST_INNER]; i > 0; i--) {
            *to += *gradient++ * (float)(other != NULL ? other[at] - layer->zero_point : 1);
            to += s->a_stride[EDGE_BROADCAST_INNER];
            at += s->b_stride[EDGE_BROADCAST_INNER];
        }
    }
}
