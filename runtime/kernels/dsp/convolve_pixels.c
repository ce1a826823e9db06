/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolution, int8, of `pixels` in one row, for any packing of the weights:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * The steps of a strip are the taps in the order of widen_4.S. Pixels are taken 4 at a time, in
 * order, and read completely before any is written.
 *
 * Scratch: the strip, 16 bytes a step; if in_c < 4, 16 bytes more; if out_c is odd, 4 * (out_c + 1)
 * bytes more.
 */
#include "edge/dsp.h"
#include "edge/memory.h"

#ifdef __ARM_FEATURE_DSP

typedef struct {
    const edge_linear *layer;
    const edge_dsp_dots *dots;
    int32_t steps;
    char *strip;
    int8_t *patch; /* pixels of fewer than 4 bytes, one a word */
    int8_t *spare; /* outputs of an odd number of channels */
} work;

static work divide_scratch(const edge_linear *layer, const edge_dsp_dots *dots, void *scratch) {
    work w = {layer, dots, edge_dsp_steps(layer->in_c), scratch, NULL, NULL};
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
    edge_dsp_multiply(w->dots, &dot, pixels, q->rounding);
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

void edge_dsp_convolve_pixels(const edge_linear *layer, const edge_dsp_dots *dots, const int8_t *in,
                              int8_t *out, void *scratch) {
    const work w = divide_scratch(layer, dots, scratch);
    int8_t *to = out;
    for (int32_t left = layer->pixels; left > 0;) {
        const int32_t pixels = left >= 4 ? 4 : 1;
        convolve(&w, in, to, pixels);
        in += pixels * layer->in_c;
        to += pixels * layer->out_c;
        left -= pixels;
    }
    edge_dsp_clamp_all(out, layer->pixels * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
