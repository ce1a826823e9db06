/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected, int8, pixel by pixel:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * Packing (edge.emit.packing.mve.pack_conv2d): weights and records of edge/mve.h, the records in
 * requantize.bias; shift is NULL where ONCE has no shifts, multiplier is unused.
 *
 * Scratch: none if in_c is a multiple of 16, else a copy of one pixel in whole vectors.
 */
#include "edge/kernels.h"
#include "edge/mve.h"

#ifdef __ARM_FEATURE_MVE

void edge_mve_linear_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_linear *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const int8_t *from = edge_row(in, y);
    edge_mve_product *product = edge_mve_single_product(q);
    edge_mve_dot dot = {.weights = layer->weights,
                        .records = q->bias,
                        .channels = layer->out_c,
                        .vectors = edge_mve_vectors(layer->in_c),
                        .zero_point = q->zero_point};
    EDGE_ASSERT(from != NULL);
    for (int32_t p = 0; p < layer->pixels; p++, from += layer->in_c) {
        dot.in = from;
        if (layer->in_c & 15) {
            edge_mve_copy(scratch, from, layer->in_c);
            dot.in = scratch;
        }
        dot.out = (int8_t *)out + p * layer->out_c;
        product(&dot);
    }
    edge_mve_clamp_all(out, layer->pixels * layer->out_c, q->minimum, q->maximum);
}

#endif
