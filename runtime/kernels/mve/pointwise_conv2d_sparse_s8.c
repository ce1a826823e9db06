/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolution, int8, and linear layers, of weights in blocks of 2 output channels x 16
 * input channels, most of them zero:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * out_c is even. 4 pixels at a time are read completely before any of them is written.
 *
 * Packing (edge.emit.packing.mve_sparse.pack_conv2d): weights are the stream and requantize.bias
 * the records of edge/mve_sparse.h; shift is NULL where ONCE has no shifts, multiplier is unused.
 *
 * Scratch: the strip, 64 bytes for each 16 input channels.
 */
#include "edge/kernels.h"
#include "edge/mve_sparse.h"

#ifdef __ARM_FEATURE_MVE

static void build_strip(const edge_linear *layer, const int8_t *in, int32_t pixels, int8_t *strip) {
    for (int32_t p = 0; p < EDGE_MVE_STRIP_PIXELS; p++, strip += 16) {
        edge_mve_strip(strip, in + (p < pixels ? p : pixels - 1) * layer->in_c, layer->in_c);
    }
}

void edge_mve_pointwise_conv2d_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                         void *out, void *scratch) {
    const edge_linear *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const int8_t *from = edge_row(in, y);
    int8_t *to = out;
    EDGE_ASSERT(from != NULL && (layer->out_c & 1) == 0);
    for (int32_t left = layer->pixels; left > 0; left -= EDGE_MVE_STRIP_PIXELS) {
        const int32_t pixels = left < EDGE_MVE_STRIP_PIXELS ? left : EDGE_MVE_STRIP_PIXELS;
        build_strip(layer, from, pixels, scratch);
        edge_mve_sparse_multiply(q, layer->weights, scratch, to, layer->out_c, pixels);
        from += pixels * layer->in_c;
        to += pixels * layer->out_c;
    }
    edge_mve_clamp_all(out, layer->pixels * layer->out_c, q->minimum, q->maximum);
}

#endif
