/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse products of the pixels of a row, up to 8 at a time, by the routines of a form: see
 * pointwise_conv2d_scattered_s8.c and pointwise_conv2d_pairs_s8.c.
 */
#include "edge/dsp_sparse.h"

#ifdef __ARM_FEATURE_DSP

/* 9 to 12 pixels are 6 and the others: their second strip is fuller than after one of 8. */
static int32_t taken(int32_t left) {
    return left > 12 ? 8 : left > 8 ? 6 : left;
}

/* A pixel that misses its pair is made twice. */
static void widen(const edge_dsp_scattered_form *form, char *strip, const int8_t *in, int32_t in_c,
                  int32_t pixels) {
    for (int32_t p = 0; p < pixels; p += 2, in += 2 * in_c, strip += form->duo_bytes) {
        form->widen(strip, in, p + 1 < pixels ? in + in_c : in, in_c >> 2);
    }
}

static void multiply(const edge_dsp_scattered_form *form, const edge_linear *layer,
                     const char *strip, int8_t *out, int32_t pixels) {
    const int32_t pitch = layer->out_c;
    const edge_dsp_scattered scattered = {
        layer->weights,
        strip - form->before,
        2 * layer->requantize.zero_point + 1,
        out,
        pitch,
        3 * pitch,
        5 * pitch,
        (pixels - 1) * pitch,
        out + pitch,
    };
    const int once = layer->requantize.rounding == EDGE_ROUND_ONCE;
    (once ? form->once : form->twice)[(pixels - 1) / 2](&scattered);
}

void edge_dsp_scattered_pixels(const edge_dsp_scattered_form *form, const edge_linear *layer,
                               const int8_t *in, int8_t *out, void *scratch) {
    const edge_requantize *q = &layer->requantize;
    EDGE_ASSERT(in != NULL && (layer->in_c & 3) == 0);
    int8_t *to = out;
    for (int32_t pixels, left = layer->pixels; left > 0; left -= pixels) {
        pixels = taken(left);
        widen(form, scratch, in, layer->in_c, pixels);
        multiply(form, layer, scratch, to, pixels);
        in += pixels * layer->in_c;
        to += pixels * layer->out_c;
    }
    edge_dsp_clamp_all(out, layer->pixels * layer->out_c, q->minimum, q->maximum);
}

#endif
