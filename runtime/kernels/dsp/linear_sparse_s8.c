/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected, int8, one scale for all channels or, rounded once, one for each, of weights in
 * blocks of 4 output channels x 4 inputs, most of them zero:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * in_c and out_c are multiples of 4.
 *
 * Packing (edge.emit.packing.dsp_sparse.pack_linear): weights are the number of units, the units,
 * each 4 words as linear_1x4.S reads them, and for each 4 channels the bytes `skips` of
 * edge/dsp_sparse.h; requantize.bias, multiplier and shift as in linear_s8.c. |acc| < 2^23.
 *
 * Scratch: inputs widened to int16, 2 * in_c bytes.
 */
#include "edge/dsp_sparse.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

static void multiply(const edge_linear *layer, const void *in, int8_t *out) {
    const int32_t *weights = layer->weights;
    const int32_t *units = weights + 1;
    const edge_requantize *q = &layer->requantize;
    const edge_dsp_linear_sparse linear = {
        in,
        units,
        q->bias,
        out,
        out + layer->out_c,
        (const uint8_t *)(units + 4 * weights[0]),
        q->multiplier[0],
        q->shift[0],
        2 * q->zero_point + 1,
        q->multiplier,
    };
    if (q->per_channel != 0) {
        edge_dsp_linear_sparse_channels(&linear);
    } else if (q->rounding == EDGE_ROUND_ONCE) {
        edge_dsp_linear_sparse_once(&linear);
    } else {
        edge_dsp_linear_sparse_twice(&linear);
    }
}

void edge_dsp_linear_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_linear *layer = descriptor;
    const int8_t *from = edge_row(in, y);
    int8_t *to = out;
    EDGE_ASSERT(from != NULL);
    for (int32_t p = 0; p < layer->pixels; p++, from += layer->in_c, to += layer->out_c) {
        edge_dsp_widen_1(scratch, from, layer->in_c);
        multiply(layer, scratch, to);
    }
    edge_dsp_clamp_all(out, layer->pixels * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
