/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolution, int8: 1x1 kernel, stride 1, no padding, `pixels` in one row.
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * Packing (edge.emit.packing.dsp.pack_conv2d): weights [pairs of oc][steps] words of two halfwords
 * w_even + 256 * w_odd, taps in the order of widen_4.S; requantize.bias holds the records of
 * edge/dsp.h; multiplier and shift are unused. |acc| < 2^23.
 *
 * Scratch: the strip, 16 bytes a step; if in_c < 4, 16 bytes more; if out_c is odd, 4 * (out_c + 1)
 * bytes more. Pixels are taken 4 at a time, in order, and read completely before any is written.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"
#include "edge/memory.h"

#ifdef __ARM_FEATURE_DSP

typedef struct {
    const edge_linear *layer;
    int32_t steps;
    char *strip;
    int8_t *patch; /* pixels of fewer than 4 bytes, one a word */
    int8_t *spare; /* outputs of an odd number of channels */
} work;

static work divide_scratch(const edge_linear *layer, void *scratch) {
    work w = {layer, edge_dsp_steps(layer->in_c), scratch, NULL, NULL};
    w.patch = (int8_t *)w.strip + 16 * w.steps;
    w.spare = w.patch + (layer->in_c < 4 ? 16 : 0);
    return w;
}

/* Widening reads back from the last byte, so short pixels sit at the end of their words. */
static void widen(const work *w, const int8_t *in, int32_t pixels) {
    int32_t pitch = w->layer->in_c;
    if (pitch < 4) {
        for (int32_t p = 0; p < pixels; p++) {
            memcpy(w->patch + 4 * p + 4 - pitch, in + p * pitch, (size_t)pitch);
        }
        in = w->patch + 4 - pitch;
        pitch = 4;
    }
    if (pixels == 4) {
        edge_dsp_widen_4(w->strip, in, pitch, w->layer->in_c);
    } else {
        edge_dsp_widen_1(w->strip, in, w->layer->in_c);
    }
}

static void multiply(const work *w, int8_t *out, int32_t pixels) {
    const edge_requantize *q = &w->layer->requantize;
    const int32_t channels = w->layer->out_c + (w->layer->out_c & 1);
    const edge_dsp_dot dot = {w->strip,       w->layer->weights, q->bias,  out,
                              out + channels, channels,          w->steps, 2 * q->zero_point + 1};
    if (q->rounding == EDGE_ROUND_ONCE) {
        (pixels == 4 ? edge_dsp_dot_4x2_once : edge_dsp_dot_1x2_once)(&dot);
    } else {
        (pixels == 4 ? edge_dsp_dot_4x2_twice : edge_dsp_dot_1x2_twice)(&dot);
    }
}

static void convolve(const work *w, const int8_t *in, int8_t *out, int32_t pixels) {
    const int32_t channels = w->layer->out_c;
    widen(w, in, pixels);
    if ((channels & 1) == 0) {
        multiply(w, out, pixels);
        return;
    }
    multiply(w, w->spare, pixels);
    for (int32_t p = 0; p < pixels; p++) {
        memcpy(out + p * channels, w->spare + p * (channels + 1), (size_t)channels);
    }
}

void edge_dsp_pointwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_linear *layer = descriptor;
    const work w = divide_scratch(layer, scratch);
    const int8_t *from = edge_row(in, y);
    int8_t *to = out;
    EDGE_ASSERT(from != NULL);
    for (int32_t left = layer->pixels; left > 0;) {
        const int32_t pixels = left >= 4 ? 4 : 1;
        convolve(&w, from, to, pixels);
        from += pixels * layer->in_c;
        to += pixels * layer->out_c;
        left -= pixels;
    }
    edge_dsp_clamp_all(out, layer->pixels * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
