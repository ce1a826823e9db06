/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax cross-entropy, from the scores to their gradient:
 *
 *     e[i] = table[max - score[i]] in Q19;  p[i] = (e[i] * 2^15 + sum / 2) / sum
 *     gradient[i] = p[i] - (i == label ? 2^15 : 0), brought to int8
 *
 * Scratch: int32[elements]. At most 4095 classes, so that sums fit int32.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int32_t largest_of(const int8_t *scores, int32_t count) {
    int32_t largest = scores[0];
    for (int32_t i = 1; i < count; i++) {
        largest = scores[i] > largest ? scores[i] : largest;
    }
    return largest;
}

void edge_train_cross_entropy_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                       void *out, void *scratch) {
    const edge_elements *layer = descriptor;
    const int8_t *scores = in[0].data;
    const int32_t label = *(const int32_t *)in[1].data, *table = in[2].data;
    const int32_t count = layer->elements, top = largest_of(scores, count);
    int32_t *values = scratch, sum = 0, largest = 0;
    int8_t *to = out;
    (void)y;
    for (int32_t i = 0; i < count; i++) {
        values[i] = table[top - scores[i]];
        sum += values[i];
    }
    for (int32_t i = 0; i < count; i++) {
        values[i] = (int32_t)((((int64_t)values[i] << 15) + sum / 2) / sum);
        values[i] -= i == label ? 1 << 15 : 0;
        largest = edge_magnitude(values[i]) > largest ? edge_magnitude(values[i]) : largest;
    }
    const int32_t right = edge_excess_bits(largest, 7);
    for (int32_t i = 0; i < count; i++) {
        to[i] = edge_narrow(values[i], right);
    }
    edge_set_exponent(&in[3], right);
}
