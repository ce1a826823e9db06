/* SPDX-License-Identifier: Apache-2.0
 *
 * Layer normalization of each vector, int8, by integers alone:
 *
 *     S = sum of x, d[i] = channels * x[i] - S
 *     D = channels * sum of x[i]^2 - S^2 + epsilon
 *     h[i] = d[i] / sqrt(D), half up, with fraction_bits
 *     out[i] = clamp((h[i] * gain[i] + offset[i]) >> shift)
 *
 * 0 <= i < channels <= 32767. The root is reciprocal_root below; edge.quantization.layer_norm says
 * how the constants are made.
 *
 * Ranges: |S| <= 2^22, |d| < 2^23, D < 2^61, |h| <= 2^15, |h * gain| <= 2^30, |offset| < 2^30.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

enum { ROOT_START = 590558003, ROOT_SLOPE = 348966093, ROOT_STEPS = 3 };

/* 1 / sqrt(number) = mantissa * 2^-(43 + exponent) */
typedef struct {
    int32_t mantissa;
    int32_t exponent;
} root;

/* number = m * 4^exponent with m in [2^28, 2^30); Newton's method for y = 1 / sqrt(m / 2^30) with
 * 28 fraction bits, which is in (1, 2]: y = y * (3 - m * y^2) / 2. */
static root reciprocal_root(int64_t number) {
    int32_t exponent = 0;
    for (; number >= (1 << 30); number >>= 2) {
        exponent++;
    }
    for (; number < (1 << 28); number *= 4) {
        exponent--;
    }
    int64_t y = ROOT_START - ((ROOT_SLOPE * number) >> 30);
    for (int32_t step = 0; step < ROOT_STEPS; step++) {
        const int64_t product = (number * ((y * y) >> 28)) >> 30;
        y = (y * (((int64_t)3 << 28) - product)) >> 29;
    }
    const root result = {(int32_t)y, exponent};
    return result;
}

static void vector(const edge_layer_norm *layer, const int8_t *x, int8_t *out) {
    int32_t sum = 0;
    int64_t squares = 0;
    for (int32_t i = 0; i < layer->channels; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    const int64_t spread = layer->channels * squares - (int64_t)sum * sum;
    const root scale = reciprocal_root(spread + layer->epsilon);
    const int32_t right = 43 + scale.exponent - layer->fraction_bits;
    const int64_t half = (int64_t)1 << (right - 1);
    for (int32_t i = 0; i < layer->channels; i++) {
        const int32_t distance = layer->channels * x[i] - sum;
        const int32_t h = (int32_t)(((int64_t)distance * scale.mantissa + half) >> right);
        const int32_t made = (h * layer->gain[i] + layer->offset[i]) >> layer->shift;
        out[i] = (int8_t)edge_clamp(made, layer->minimum, layer->maximum);
    }
}

void edge_ref_layer_norm_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_layer_norm *layer = descriptor;
    const int8_t *x = edge_row(in, y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL && layer->epsilon >= 1);
    for (int32_t v = 0; v < layer->vectors; v++) {
        vector(layer, x, to);
        x += layer->channels;
        to += layer->channels;
    }
}
