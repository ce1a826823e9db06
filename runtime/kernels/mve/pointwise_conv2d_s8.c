/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolution, int8: 1x1 kernel, stride 1, no padding, `pixels` in one row.
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * Packing (edge.emit.packing.mve.pack_conv2d): weights and records of edge/mve.h, the records in
 * requantize.bias; shift is NULL where ONCE has no shifts, multiplier is unused.
 *
 * Pixels are taken 2 at a time, in order, and read while their outputs are written. The last
 * vector of a pixel also covers inputs of those after it; the last pixels, where that would be
 * beyond the row, are copied.
 *
 * Scratch: none if in_c is a multiple of 16, else the pixels that one vector more may touch.
 */
#include "edge/kernels.h"
#include "edge/mve.h"

#ifdef __ARM_FEATURE_MVE

static void multiply(const edge_linear *layer, const int8_t *in, int8_t *out, int32_t pixels) {
    const edge_requantize *q = &layer->requantize;
    const int32_t vectors = edge_mve_vectors(layer->in_c);
    const edge_mve_dot dot = {in,          layer->in_c,  layer->weights, q->bias,
                              out,         layer->out_c, layer->out_c,   vectors,
                              pixels >> 1, q->zero_point};
    edge_mve_multiply(q, &dot, pixels);
}

/* How many pixels have all their vectors inside the row: all, or an even number. */
static int32_t pixels_inside(const edge_linear *layer) {
    const int32_t room = layer->pixels * layer->in_c - 16 * edge_mve_vectors(layer->in_c);
    const int32_t inside = room < 0 ? 0 : room / layer->in_c + 1;
    return inside == layer->pixels ? inside : inside & ~1;
}

void edge_mve_pointwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_linear *layer = descriptor;
    const int8_t *from = edge_row(in, y);
    const int32_t inside = pixels_inside(layer), rest = layer->pixels - inside;
    EDGE_ASSERT(from != NULL);
    multiply(layer, from, out, inside);
    if (rest > 0) {
        edge_mve_copy(scratch, from + inside * layer->in_c, rest * layer->in_c);
        multiply(layer, scratch, (int8_t *)out + inside * layer->out_c, rest);
    }
    edge_mve_clamp_all(out, layer->pixels * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
