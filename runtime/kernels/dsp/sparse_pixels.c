/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse products of the pixels of a row, see pointwise_conv2d_sparse_s8.c. If there are at least 3
 * strips of 6 pixels, up to `together` of them are made at once: their blocks are widened only
 * once.
 *
 * Scratch: the strips, 12 bytes an input channel each; if several are made at once, 3 bytes an
 * input channel and 12 bytes more.
 */
#include "edge/dsp_sparse.h"

#ifdef __ARM_FEATURE_DSP

#define LEAST_TOGETHER 3

typedef struct {
    const edge_linear *layer;
    const int8_t *in;
    int8_t *out;
    char *strips;
    int32_t left; /* pixels */
} work;

static void made(work *w, int32_t pixels) {
    w->in += pixels * w->layer->in_c;
    w->out += pixels * w->layer->out_c;
    w->left -= pixels;
}

static void multiply_many(const work *w, const void *strips_end) {
    const edge_linear *layer = w->layer;
    const edge_dsp_sparse_many many = {
        layer->out_c,
        3 * layer->out_c,
        5 * layer->out_c,
        EDGE_DSP_SPARSE_WORD_BYTES * (layer->in_c >> 2),
        strips_end,
        layer->weights,
        w->strips,
        (int32_t *)strips_end,
        2 * layer->requantize.zero_point + 1,
        w->out,
        w->out + layer->out_c,
    };
    if (layer->requantize.rounding == EDGE_ROUND_ONCE) {
        edge_dsp_sparse_many_once(&many);
    } else {
        edge_dsp_sparse_many_twice(&many);
    }
}

static void make_many(work *w, int32_t strips) {
    const int32_t pitch = w->layer->in_c;
    const int8_t *in = w->in;
    char *to = w->strips;
    for (int32_t i = 0; i < strips; i++, in += 6 * pitch) {
        to = edge_dsp_widen_6x1(to, in, pitch, pitch >> 2, 5 * pitch);
    }
    multiply_many(w, to);
    made(w, 6 * strips);
}

static void make_strip(work *w) {
    const edge_linear *layer = w->layer;
    const int32_t pixels = edge_dsp_sparse_pixels(w->left);
    edge_dsp_sparse_widen(w->strips, w->in, layer->in_c, layer->in_c >> 2, pixels);
    edge_dsp_sparse_multiply(w->strips, layer->weights, &layer->requantize, w->out, layer->out_c,
                             pixels);
    made(w, pixels);
}

/* How many strips of 6 the pixels should be made in, apart from 7 or 8 pixels at the end. */
static int32_t whole_strips(int32_t pixels) {
    const int32_t rest = pixels % 6;
    return pixels / 6 - (pixels > 6 && (rest == 1 || rest == 2) ? 1 : 0);
}

void edge_dsp_sparse_convolve_pixels(const edge_linear *layer, int32_t together, const int8_t *in,
                                     int8_t *out, void *scratch) {
    work w = {layer, in, out, scratch, layer->pixels};
    EDGE_ASSERT((layer->in_c & 3) == 0);
    for (int32_t strips = whole_strips(w.left); together > 1 && strips >= LEAST_TOGETHER;
         strips = whole_strips(w.left)) {
        make_many(&w, strips < together ? strips : together);
    }
    while (w.left > 0) {
        make_strip(&w);
    }
    edge_dsp_clamp_all(out, layer->pixels * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
