/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolution, int8, and linear layers, of weights in blocks, most of them zero:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * out_c is even. 4 pixels at a time are read completely before any of them is written.
 */
#include "edge/kernels.h"
#include "edge/mve_sparse.h"

#ifdef __ARM_FEATURE_MVE

static void build_strip(const edge_linear *layer, const int8_t *in, int32_t pixels, int8_t *strip) {
    for (int32_t p = 0; p < EDGE_MVE_STRIP_PIXELS; p++, strip += 16) {
        edge_mve_strip(strip, in + (p < pixels ? p : pixels - 1) * layer->in_c, layer->in_c);
    }
}

void edge_mve_sparse_transform(const edge_linear *layer, const int8_t *in, int8_t *out,
                               int8_t *strip, const edge_mve_sparse_routines *routines) {
    const edge_requantize *q = &layer->requantize;
    const edge_mve_sparse_product product = {q, layer->weights, strip, layer->out_c,
                                             edge_mve_sparse_chosen(routines, q)};
    int8_t *to = out;
    EDGE_ASSERT((layer->out_c & 1) == 0);
    for (int32_t left = layer->pixels; left > 0; left -= EDGE_MVE_STRIP_PIXELS) {
        const int32_t pixels = left < EDGE_MVE_STRIP_PIXELS ? left : EDGE_MVE_STRIP_PIXELS;
        build_strip(layer, in, pixels, strip);
        edge_mve_sparse_multiply(&product, to, pixels);
        in += pixels * layer->in_c;
        to += pixels * layer->out_c;
    }
    edge_mve_clamp_all(out, layer->pixels * layer->out_c, q->minimum, q->maximum);
}

#endif
