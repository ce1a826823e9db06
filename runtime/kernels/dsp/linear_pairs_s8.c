/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected, int8, of weights most of which are zero in 4 neighbouring channels at once:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * in_c and out_c are multiples of 4. N:M along the inputs, shared by 4 channels (VENOM, Castro et
 * al. 2023, arXiv:2310.02065), takes least: two inputs of a window are one word of the strip, which
 * serves 8 products.
 *
 * Packing (edge.emit.packing.dsp_pairs): weights are the pairs of a window, 6, 16 or 28 as in
 * widen_pairs.S, how sums are scaled, 0 once, 1 shifted or 2 twice, and the stream of
 * linear_pairs.S; bias, multiplier and shift are unused. |acc| < 2^23.
 *
 * Scratch: the pairs, 4 bytes each. The last window of 8 inputs may be half empty.
 */
#include "edge/dsp_sparse.h"
#include "edge/kernels.h"
#include "edge/memory.h"

#ifdef __ARM_FEATURE_DSP

typedef void *widener(void *strip, const int8_t *in, const int8_t *end);

#define PAIRS_OF_4 6
#define PAIRS_OF_HALVES 16

static void widen(const edge_linear *layer, const int8_t *in, int32_t pairs, void *strip) {
    const int8_t *end = in + layer->in_c;
    if (pairs == PAIRS_OF_4) {
        edge_dsp_widen_pairs_6(strip, in, end);
        return;
    }
    widener *widen_8 = pairs == PAIRS_OF_HALVES ? edge_dsp_widen_pairs_16 : edge_dsp_widen_pairs_28;
    const int8_t *whole = in + (layer->in_c & ~7);
    if (in != whole) {
        strip = widen_8(strip, in, whole);
    }
    if (whole != end) {
        int8_t rest[8] = {0};
        memcpy(rest, whole, 4);
        widen_8(strip, rest, rest + 8);
    }
}

static edge_dsp_linear_pairs *const scaled[] = {
    edge_dsp_linear_pairs_once,
    edge_dsp_linear_pairs_shifted,
    edge_dsp_linear_pairs_twice,
};

void edge_dsp_linear_pairs_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                              void *scratch) {
    const edge_linear *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const int32_t *weights = layer->weights;
    const int8_t *from = edge_row(in, y);
    int8_t *to = out;
    EDGE_ASSERT(from != NULL);
    for (int32_t p = 0; p < layer->pixels; p++, from += layer->in_c, to += layer->out_c) {
        widen(layer, from, weights[0], scratch);
        scaled[weights[1]](scratch, weights + 2, 2 * q->zero_point + 1, to);
    }
    edge_dsp_clamp_all(out, layer->pixels * layer->out_c, q->minimum, q->maximum);
}

#endif
