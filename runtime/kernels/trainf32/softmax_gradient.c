/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax over the last axis, from the gradient of the output to that of the input:
 *
 *     e[i] = table[max - x[i]];  p[i] = e[i] / sum of e
 *     out[i] = p[i] * (gradient[i] - sum of p * gradient)
 *
 * Scratch: float[channels].
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

static void gradients_of(float *to, const float *gradient, const int8_t *x, const float *table,
                         int32_t channels, float *p) {
    float total = 0.0f, along = 0.0f;
    int32_t top = x[0];
    for (int32_t i = 1; i < channels; i++) {
        top = x[i] > top ? x[i] : top;
    }
    for (int32_t i = 0; i < channels; i++) {
        p[i] = table[top - x[i]];
        total += p[i];
    }
    for (int32_t i = 0; i < channels; i++) {
        p[i] /= total;
        along += p[i] * gradient[i];
    }
    for (int32_t i = 0; i < channels; i++) {
        to[i] = p[i] * (gradient[i] - along);
    }
}

void edge_trainf32_softmax_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                    void *out, void *scratch) {
    const edge_softmax_gradient *layer = descriptor;
    (void)y;
    for (int32_t at = 0; at < layer->vectors * layer->channels; at += layer->channels) {
        gradients_of((float *)out + at, (const float *)in[0].data + at,
                     (const int8_t *)in[2].data + at, in[3].data, layer->channels, scratch);
    }
}
