/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax over the last axis, from the gradient of the output to that of the input:
 *
 *     e[i] = table[max - x[i]] in Q19;  p[i] = (e[i] * 2^15 + sum of e / 2) / sum of e
 *     out[i] = p[i] * (2^15 * gradient[i] - sum of p * gradient) in Q15, brought to int8
 *
 * Values are made twice: for the largest magnitude, and to be stored. Scratch: int32[channels].
 * At most 4095 channels; |2^15 * gradient - sum| < 2^24.
 */
#include "edge/kernels.h"
#include "edge/train.h"

/* The probabilities of a vector; returns the sum of p * gradient. */
static int32_t probabilities(int32_t *p, const edge_softmax_gradient *layer, const edge_rows *in,
                             int32_t first) {
    const int8_t *x = (const int8_t *)in[2].data + first;
    const int8_t *gradient = (const int8_t *)in[0].data + first;
    const int32_t *table = in[3].data;
    int32_t top = x[0], total = 0, along = 0;
    for (int32_t i = 1; i < layer->channels; i++) {
        top = x[i] > top ? x[i] : top;
    }
    for (int32_t i = 0; i < layer->channels; i++) {
        p[i] = table[top - x[i]];
        total += p[i];
    }
    for (int32_t i = 0; i < layer->channels; i++) {
        p[i] = (int32_t)((((int64_t)p[i] << 15) + total / 2) / total);
        along += p[i] * gradient[i];
    }
    return along;
}

static int32_t value(int32_t p, int32_t gradient, int32_t along) {
    return (int32_t)(((int64_t)p * (gradient * (1 << 15) - along) + (1 << 14)) >> 15);
}

/* Stores the values after a shift, where `to` is not NULL; returns the shift that they need. */
static int32_t pass(const edge_softmax_gradient *layer, const edge_rows *in, int8_t *to, int32_t *p,
                    int32_t right) {
    const int8_t *gradient = in[0].data;
    int32_t largest = 0;
    for (int32_t v = 0, at = 0; v < layer->vectors; v++) {
        const int32_t along = probabilities(p, layer, in, at);
        for (int32_t i = 0; i < layer->channels; i++, at++) {
            const int32_t made = value(p[i], gradient[at], along);
            largest = edge_magnitude(made) > largest ? edge_magnitude(made) : largest;
            if (to != NULL) {
                to[at] = edge_narrow(made, right);
            }
        }
    }
    return edge_excess_bits(largest, 7);
}

void edge_train_softmax_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                 void *scratch) {
    const edge_softmax_gradient *layer = descriptor;
    const int32_t right = pass(layer, in, NULL, scratch, 0);
    (void)y;
    pass(layer, in, out, scratch, right);
    edge_set_exponent(&in[4], edge_exponent(&in[1]) + right);
}
