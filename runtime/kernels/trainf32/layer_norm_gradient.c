/* SPDX-License-Identifier: Apache-2.0
 *
 * Layer normalization, from the gradient of the output to that of the input, vector by vector. With
 * p = gradient * weight where the output was not clamped, and D of ref/layer_norm_s8:
 *
 *     h = (channels * x - sum of x) / sqrt(D)
 *     (channels * p - sum of p - h * sum of p * h) / sqrt(D)
 *
 * Slots: gradient, none, x, gain int16, offset int32, weight.
 */
#include "edge/f32.h"
#include "edge/f32_functions.h"
#include "edge/kernels.h"
#include "edge/layer_norm.h"
#include "edge/train_f32.h"

typedef struct {
    const edge_layer_norm_gradient_f32 *layer;
    const int8_t *x;
    const float *gradient;
    edge_norm norm;
    float root;
} norm_vector;

static float product(const norm_vector *v, int32_t i) {
    const edge_layer_norm *norm = &v->layer->norm;
    const int32_t h = edge_normalized(&v->norm, v->x[i]);
    const int32_t made = (h * norm->gain[i] + norm->offset[i]) >> norm->shift;
    return made < norm->minimum || made > norm->maximum ? 0.0f
                                                        : v->gradient[i] * v->layer->weight[i];
}

static float distance(const norm_vector *v, int32_t i) {
    return (float)(v->norm.channels * v->x[i] - v->norm.sum) / v->root;
}

static void gradients_of(const norm_vector *v, float *to) {
    const int32_t channels = v->norm.channels;
    float sum = 0.0f, along = 0.0f;
    for (int32_t i = 0; i < channels; i++) {
        sum += product(v, i);
        along += product(v, i) * distance(v, i);
    }
    for (int32_t i = 0; i < channels; i++) {
        const float centred = (float)channels * product(v, i) - sum;
        to[i] = (centred - distance(v, i) * along) / v->root;
    }
}

void edge_trainf32_layer_norm_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                       void *out, void *scratch) {
    norm_vector v = {descriptor, in[2].data, in[0].data, {0, 0, 0, 0, 0}, 0.0f};
    const edge_layer_norm *norm = &v.layer->norm;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t n = norm->vectors; n > 0; n--, to += norm->channels) {
        v.norm = edge_norm_of(norm, v.x);
        v.root = edge_sqrt((float)edge_norm_spread(norm, v.x, v.norm.sum));
        gradients_of(&v, to);
        v.x += norm->channels;
        v.gradient += norm->channels;
    }
}
