/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean over all positions, int8, 4 channels at a time:
 *
 *     out[c] = requantized (bias[0] + sum over p of x[p][c])
 *
 * Accumulator: int16 pairs over at most 255 positions, then int32.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"
#include "edge/requantize.h"

#ifdef __ARM_FEATURE_DSP

#define POSITIONS_IN_INT16 255

static void add_positions(const int8_t *x, int32_t positions, int32_t channels, int32_t sum[4]) {
    uint32_t even = 0, odd = 0;
    for (; positions > 0; positions--, x += channels) {
        const uint32_t word = edge_dsp_load(x);
        even = edge_dsp_add_even(even, word);
        odd = edge_dsp_add_odd(odd, word);
    }
    sum[0] += (int16_t)even;
    sum[1] += (int16_t)odd;
    sum[2] += (int32_t)even >> 16;
    sum[3] += (int32_t)odd >> 16;
}

static void four_channels(const edge_mean *layer, const int8_t *x, int8_t *out) {
    const int32_t start = layer->requantize.bias[0];
    int32_t sum[4] = {start, start, start, start};
    for (int32_t left = layer->positions; left > 0; left -= POSITIONS_IN_INT16) {
        const int32_t some = left < POSITIONS_IN_INT16 ? left : POSITIONS_IN_INT16;
        add_positions(x, some, layer->channels, sum);
        x += some * layer->channels;
    }
    for (int32_t i = 0; i < 4; i++) {
        out[i] = edge_requantized(&layer->requantize, 0, sum[i]);
    }
}

static int8_t one_channel(const edge_mean *layer, const int8_t *x) {
    int32_t sum = layer->requantize.bias[0];
    for (int32_t p = 0; p < layer->positions; p++, x += layer->channels) {
        sum += *x;
    }
    return edge_requantized(&layer->requantize, 0, sum);
}

void edge_dsp_mean_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    const edge_mean *layer = descriptor;
    const int8_t *x = in->data;
    int8_t *to = out;
    int32_t c = 0;
    (void)y;
    (void)scratch;
    for (; c + 4 <= layer->channels; c += 4) {
        four_channels(layer, x + c, to + c);
    }
    for (; c < layer->channels; c++) {
        to[c] = one_channel(layer, x + c);
    }
}

#endif
