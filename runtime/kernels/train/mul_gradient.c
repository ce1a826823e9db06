/* SPDX-License-Identifier: Apache-2.0
 *
 * Product, from the gradient of the output to that of an operand, summed where the operand repeats:
 *
 *     out[i] = sum over the positions q that read i of gradient[q] * (other[q] - zero_point)
 *
 * brought to int8. Without an other factor (sum_gradient) the gradients are added. Scratch:
 * int32[outputs]. Sums: 127 * 255 * positions < 2^30 for up to 33,000 positions.
 */
#include "edge/broadcast.h"
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train.h"

static void add_up(const edge_mul_gradient *layer, const int8_t *gradient, const int8_t *other,
                   int32_t *sums) {
    const edge_broadcast *s = &layer->shape;
    for (int32_t run = 0; run < edge_broadcast_runs(s); run++) {
        int32_t *to = sums + edge_broadcast_start(s, s->a_stride, run);
        int32_t at = edge_broadcast_start(s, s->b_stride, run);
        for (int32_t i = s->size[EDGE_BROADCAST_INNER]; i > 0; i--) {
            *to += *gradient++ * (other != NULL ? other[at] - layer->zero_point : 1);
            to += s->a_stride[EDGE_BROADCAST_INNER];
            at += s->b_stride[EDGE_BROADCAST_INNER];
        }
    }
}

void edge_train_mul_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const edge_mul_gradient *layer = descriptor;
    int32_t *sums = scratch, largest = 0;
    int8_t *to = out;
    (void)y;
    memset(sums, 0, (size_t)layer->outputs * sizeof *sums);
    add_up(layer, in[0].data, in[2].data, sums);
    for (int32_t i = 0; i < layer->outputs; i++) {
        const int32_t magnitude = edge_magnitude(sums[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    const int32_t right = edge_excess_bits(largest, 7);
    for (int32_t i = 0; i < layer->outputs; i++) {
        to[i] = edge_narrow(sums[i], right);
    }
    edge_set_exponent(&in[3], edge_exponent(&in[1]) + right);
}
