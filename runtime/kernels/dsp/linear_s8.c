/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected, int8, for few pixels and one scale for all channels or, rounded once, one for
 * each:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * Packing (edge.emit.packing.dsp.pack_linear): weights in units of 4 channels x 4 inputs as
 * linear_1x4.S reads them; requantize.bias [out_c rounded up to 4] start values, of each pair of
 * channels even and even + 256 * odd; multiplier[0] = q and shift[0] = f of edge/dsp.h, or
 * multiplier [out_c rounded up to 4] and f = 0. |acc| < 2^23.
 *
 * Scratch: inputs widened to int16, 8 bytes a unit, and 4 bytes; none if in_c is above 256 and a
 * multiple of 4: then the inputs are widened again for every 4 channels, which costs an eighth more
 * instructions but no RAM.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"
#include "edge/memory.h"

#ifdef __ARM_FEATURE_DSP

#define NARROW_FROM 256

typedef void kernel_1x4(const edge_dsp_linear *linear);

static int is_narrow(const edge_linear *layer) {
    return layer->in_c > NARROW_FROM && (layer->in_c & 3) == 0;
}

static kernel_1x4 *chosen(const edge_linear *layer) {
    if (layer->requantize.per_channel != 0) {
        return is_narrow(layer) ? edge_dsp_linear_1x4_narrow_channels
                                : edge_dsp_linear_1x4_wide_channels;
    }
    if (layer->requantize.rounding == EDGE_ROUND_ONCE) {
        return is_narrow(layer) ? edge_dsp_linear_1x4_narrow_once : edge_dsp_linear_1x4_wide_once;
    }
    return is_narrow(layer) ? edge_dsp_linear_1x4_narrow_twice : edge_dsp_linear_1x4_wide_twice;
}

/* Widening reads back from the last byte, so short vectors are moved to the end of a word. */
static const void *widened(const edge_linear *layer, const int8_t *in, char *scratch) {
    int8_t word[4] = {0};
    if (layer->in_c < 4) {
        memcpy(word + 4 - layer->in_c, in, (size_t)layer->in_c);
        in = word + 4 - layer->in_c;
    }
    edge_dsp_widen_1(scratch, in, layer->in_c);
    return scratch;
}

static void multiply(const edge_linear *layer, const void *in, int8_t *out) {
    const int32_t units = (layer->in_c + 3) >> 2;
    const int32_t whole = layer->out_c & ~3;
    const edge_requantize *q = &layer->requantize;
    edge_dsp_linear linear = {
        in,          layer->weights,        q->bias,      out, out + whole, units, q->multiplier[0],
        q->shift[0], 2 * q->zero_point + 1, q->multiplier};
    if (whole > 0) {
        chosen(layer)(&linear);
    }
    if (whole < layer->out_c) {
        int8_t rest[4];
        linear.weights = (const char *)layer->weights + whole / 4 * units * 16;
        linear.starts = q->bias + whole;
        linear.multipliers = q->multiplier + whole;
        linear.out = rest;
        linear.end = rest + 4;
        chosen(layer)(&linear);
        memcpy(out + whole, rest, (size_t)(layer->out_c - whole));
    }
}

void edge_dsp_linear_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_linear *layer = descriptor;
    const int8_t *from = edge_row(in, y);
    int8_t *to = out;
    EDGE_ASSERT(from != NULL);
    for (int32_t p = 0; p < layer->pixels; p++) {
        multiply(layer, is_narrow(layer) ? from : widened(layer, from, scratch), to);
        from += layer->in_c;
        to += layer->out_c;
    }
    edge_dsp_clamp_all(out, layer->pixels * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
