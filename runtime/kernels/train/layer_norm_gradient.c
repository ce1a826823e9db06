/* SPDX-License-Identifier: Apache-2.0
 *
 * Layer normalization, from the gradient of the output to that of the input, vector by vector. With
 * p = gradient * gain where the output was not clamped, and h and D of ref/layer_norm_s8:
 *
 *     (channels * p - sum of p - h * sum of p * h) / sqrt(D), in units of 2^-15, brought to int8
 *
 * Slots: gradient, exponent, x, gain int16, offset int32. Values are made twice: for the largest
 * magnitude, and to be stored.
 *
 * Ranges, for up to 32767 channels: |p| < 2^22, |h| <= 2^15, |sum of p * h| < 2^52,
 * |numerator| < 2^39, times a root of 15 bits below 2^54.
 */
#include "edge/kernels.h"
#include "edge/layer_norm.h"
#include "edge/train.h"

enum { ROOT_DROPPED = 14, ROOT_END = 14 };

typedef struct {
    const edge_layer_norm *layer;
    const int8_t *x, *gradient;
    edge_norm norm;
    int64_t sum, along; /* of p, and of p * h without its fraction bits */
} norm_vector;

static int64_t product(const norm_vector *v, int32_t i, int32_t h) {
    const edge_layer_norm *layer = v->layer;
    const int32_t made = (h * layer->gain[i] + layer->offset[i]) >> layer->shift;
    return made < layer->minimum || made > layer->maximum ? 0 : v->gradient[i] * layer->gain[i];
}

static void start(norm_vector *v) {
    v->norm = edge_norm_of(v->layer, v->x);
    v->sum = v->along = 0;
    for (int32_t i = 0; i < v->layer->channels; i++) {
        const int32_t h = edge_normalized(&v->norm, v->x[i]);
        const int64_t p = product(v, i, h);
        v->sum += p;
        v->along += p * h;
    }
    v->along >>= v->layer->fraction_bits;
}

static int64_t value(const norm_vector *v, int32_t i) {
    const int32_t h = edge_normalized(&v->norm, v->x[i]), right = v->norm.exponent + ROOT_END;
    const int64_t less = (h * v->along) >> v->layer->fraction_bits;
    const int64_t top = v->layer->channels * product(v, i, h) - v->sum - less;
    return (top * (v->norm.mantissa >> ROOT_DROPPED) + (((int64_t)1 << right) >> 1)) >> right;
}

static int64_t largest_of(norm_vector v) {
    int64_t largest = 0;
    for (int32_t n = v.layer->vectors; n > 0; n--) {
        start(&v);
        for (int32_t i = 0; i < v.layer->channels; i++) {
            const int64_t made = value(&v, i), magnitude = made < 0 ? -made : made;
            largest = magnitude > largest ? magnitude : largest;
        }
        v.x += v.layer->channels;
        v.gradient += v.layer->channels;
    }
    return largest;
}

void edge_train_layer_norm_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                    void *out, void *scratch) {
    norm_vector v = {descriptor, in[2].data, in[0].data, {0}, 0, 0};
    int8_t *to = out;
    int32_t right = 0;
    (void)y;
    (void)scratch;
    for (int64_t rest = largest_of(v) >> 7; rest != 0; rest >>= 1) {
        right++;
    }
    for (int32_t n = v.layer->vectors; n > 0; n--) {
        start(&v);
        for (int32_t i = 0; i < v.layer->channels; i++) {
            const int64_t made = (value(&v, i) + (((int64_t)1 << right) >> 1)) >> right;
            *to++ = (int8_t)(made > 127 ? 127 : made < -127 ? -127 : made);
        }
        v.x += v.layer->channels;
        v.gradient += v.layer->channels;
    }
    edge_set_exponent(&in[6], edge_exponent(&in[1]) + right);
}
