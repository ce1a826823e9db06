/* SPDX-License-Identifier: Apache-2.0
 *
 * Layer normalization of each vector, int8, by integers alone:
 *
 *     S = sum of x, d[i] = channels * x[i] - S
 *     D = channels * sum of x[i]^2 - S^2 + epsilon
 *     h[i] = d[i] / sqrt(D), half up, with fraction_bits
 *     out[i] = clamp((h[i] * gain[i] + offset[i]) >> shift)
 *
 * 0 <= i < channels <= 32767. The root is that of edge/layer_norm.h; edge.quantization.layer_norm
 * says how the constants are made.
 *
 * Ranges: |S| <= 2^22, |d| < 2^23, D < 2^61, |h| <= 2^15, |h * gain| <= 2^30, |offset| < 2^30.
 */
#include "edge/kernels.h"
#include "edge/layer_norm.h"
#include "edge/requantize.h"

static void vector(const edge_layer_norm *layer, const int8_t *x, int8_t *out) {
    const edge_norm norm = edge_norm_of(layer, x);
    for (int32_t i = 0; i < layer->channels; i++) {
        const int32_t h = edge_normalized(&norm, x[i]);
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
