/* SPDX-License-Identifier: Apache-2.0
 *
 * Root mean square normalization of one vector:
 *
 *     D = sum of x[i]^2 + epsilon
 *     h[i] = x[i] / sqrt(D), half up, 15 fraction bits
 *     out[i] = clamp((h[i] * gain[i] + offset) >> shift)
 *
 * Ranges: D < 2^62, |h| <= 2^15, |h * gain| <= 2^30, |offset| < 2^30.
 */
#include "edge/decoder.h"
#include "edge/kernels.h"

static int64_t sum_of_squares(const int16_t *x, int32_t channels) {
    int64_t sum = 0;
    for (int32_t i = 0; i < channels; i++) {
        sum += x[i] * x[i];
    }
    return sum;
}

void edge_ref_rms_norm_s16_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                              void *scratch) {
    const edge_rms_norm *layer = descriptor;
    const int16_t *x = in->data;
    int8_t *to = out;
    edge_norm norm;
    (void)y;
    (void)scratch;
    EDGE_ASSERT(layer->epsilon >= 1);
    edge_reciprocal_root(&norm, sum_of_squares(x, layer->channels) + layer->epsilon);
    const int32_t right = 28 + norm.exponent;
    const int64_t half = (int64_t)1 << (right - 1);
    for (int32_t i = 0; i < layer->channels; i++) {
        const int32_t h = (int32_t)(((int64_t)x[i] * norm.mantissa + half) >> right);
        const int32_t made = (h * layer->gain[i] + layer->offset) >> layer->shift;
        to[i] = (int8_t)edge_clamp(made, INT8_MIN, INT8_MAX);
    }
}
