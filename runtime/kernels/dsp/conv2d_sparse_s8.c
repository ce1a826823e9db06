/* SPDX-License-Identifier: Apache-2.0
 *
 * One output row of a convolution, int8, one group, of weights in blocks of 1 output channel x 4
 * taps, most of them zero:
 *
 *     out[ox][oc] = requantized bias[oc] + sum over ky, kx, ic of w[oc][ky][kx][ic] * x[iy][ix][ic]
 *     iy = y * stride_h - pad_top + ky * dilation_h
 *     ix = ox * stride_w - pad_left + kx
 *
 * x is in_zero_point outside the input. The bytes of a kernel row, kernel_w * in_c, are a multiple
 * of 4. Up to 6 pixels at a time are widened into a strip, one kernel row after the other, then
 * multiplied with all output channels.
 *
 * Packing (edge.emit.packing.dsp_sparse.pack_conv2d): weights are the stream of edge/dsp_sparse.h;
 * bias, multiplier and shift are unused.
 *
 * Scratch: the strip, 12 bytes a tap, and the columns of one kernel row under 6 pixels.
 */
#include "edge/columns.h"
#include "edge/dsp_sparse.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

typedef struct {
    const edge_conv2d *layer;
    int32_t words; /* of one kernel row under one pixel */
    char *strip;
    int8_t *columns;
} work;

static work divide_scratch(const edge_conv2d *layer, void *scratch) {
    work w = {layer, layer->kernel_w * layer->in_c >> 2, scratch, NULL};
    w.columns = (int8_t *)w.strip + EDGE_DSP_SPARSE_WORD_BYTES * w.words * layer->kernel_h;
    return w;
}

static void *widen_padding(const work *w, void *strip, int32_t pixels) {
    const uint32_t pair = (uint32_t)(w->layer->in_zero_point & 0xffff) * 0x10001u;
    uint32_t *to = strip;
    for (int32_t i = w->words * edge_dsp_sparse_word_bytes(pixels); i > 0; i -= 4) {
        *to++ = pair;
    }
    return to;
}

/* One kernel row under `pixels` output pixels, of which the first starts at column ix. */
static void *widen_row(const work *w, void *strip, const int8_t *row, int32_t ix, int32_t pixels) {
    const edge_conv2d *layer = w->layer;
    const int32_t columns = (pixels - 1) * layer->stride_w + layer->kernel_w;
    const int8_t *from = row + ix * layer->in_c;
    if (ix < 0 || ix + columns > layer->in_w) {
        edge_copy_columns(layer, row, ix, columns, w->columns);
        from = w->columns;
    }
    return edge_dsp_sparse_widen(strip, from, layer->stride_w * layer->in_c, w->words, pixels);
}

static void build_strip(const work *w, const edge_rows *in, int32_t y, int32_t ox, int32_t pixels) {
    const edge_conv2d *layer = w->layer;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    void *strip = w->strip;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h) {
        const int8_t *row = edge_row(in, iy);
        strip =
            row == NULL ? widen_padding(w, strip, pixels) : widen_row(w, strip, row, ix, pixels);
    }
}

void edge_dsp_conv2d_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_conv2d *layer = descriptor;
    const work w = divide_scratch(layer, scratch);
    int8_t *to = out;
    EDGE_ASSERT(layer->groups == 1 && (layer->kernel_w * layer->in_c & 3) == 0);
    EDGE_ASSERT(layer->dilation_w == 1 || layer->kernel_w == 1);
    for (int32_t ox = 0; ox < layer->out_w;) {
        const int32_t pixels = edge_dsp_sparse_pixels(layer->out_w - ox);
        build_strip(&w, in, y, ox, pixels);
        edge_dsp_sparse_multiply(w.strip, layer->weights, &layer->requantize, to, layer->out_c,
                                 pixels);
        ox += pixels;
        to += pixels * layer->out_c;
    }
    edge_dsp_clamp_all(out, layer->out_w * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
