/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax cross-entropy, from the scores to their gradient:
 *
 *     e[i] = table[max - score[i]];  gradient[i] = e[i] / sum of e - (i == label)
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

void edge_trainf32_cross_entropy_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                          void *out, void *scratch) {
    const edge_elements *layer = descriptor;
    const int8_t *scores = in[0].data;
    const float *table = in[2].data;
    float *to = out, sum = 0.0f;
    int32_t top = scores[0];
    (void)y;
    (void)scratch;
    for (int32_t i = 1; i < layer->elements; i++) {
        top = scores[i] > top ? scores[i] : top;
    }
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = table[top - scores[i]];
        sum += to[i];
    }
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] /= sum;
    }
    to[*(const int32_t *)in[1].data] -= 1.0f;
}
