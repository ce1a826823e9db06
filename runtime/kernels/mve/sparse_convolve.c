/* SPDX-License-Identifier: Apache-2.0
 *
 * One output row of a convolution, int8, one group, of weights in blocks, most of them zero:
 *
 *     out[ox][oc] = requantized bias[oc] + sum over ky, kx, ic of w[oc][ky][kx][ic] * x[iy][ix][ic]
 *     iy = y * stride_h - pad_top + ky * dilation_h
 *     ix = ox * stride_w - pad_left + kx * dilation_w
 *
 * x is in_zero_point outside the input. in_c is a multiple of 16, out_c even.
 */
#include "edge/kernels.h"
#include "edge/mve_sparse.h"

#ifdef __ARM_FEATURE_MVE

/* One kernel row under one pixel, its first column at ix; `row` is NULL in the padding. */
static void build_columns(const edge_conv2d *layer, const int8_t *row, int32_t ix, int8_t *strip) {
    const int32_t depth = layer->in_c, columns = layer->kernel_w;
    if (row == NULL) {
        edge_mve_strip_fill(strip, layer->in_zero_point, columns * depth);
        return;
    }
    if (layer->dilation_w == 1 && ix >= 0 && ix + columns <= layer->in_w) {
        edge_mve_strip(strip, row + ix * depth, columns * depth);
        return;
    }
    for (int32_t kx = 0; kx < columns; kx++, ix += layer->dilation_w) {
        if (ix >= 0 && ix < layer->in_w) {
            edge_mve_strip(strip, row + ix * depth, depth);
        } else {
            edge_mve_strip_fill(strip, layer->in_zero_point, depth);
        }
        strip += EDGE_MVE_STRIP_PIXELS * depth;
    }
}

static void build_strip(const edge_conv2d *layer, const edge_rows *in, int32_t y, int32_t ox,
                        int32_t pixels, int8_t *strip) {
    const int32_t segment = EDGE_MVE_STRIP_PIXELS * layer->kernel_w * layer->in_c;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h, strip += segment) {
        const int8_t *row = edge_row(in, iy);
        for (int32_t p = 0; p < EDGE_MVE_STRIP_PIXELS; p++) {
            const int32_t pixel = ox + (p < pixels ? p : pixels - 1);
            build_columns(layer, row, pixel * layer->stride_w - layer->pad_left, strip + 16 * p);
        }
    }
}

void edge_mve_sparse_convolve(const edge_conv2d *layer, const edge_rows *in, int32_t y, int8_t *out,
                              int8_t *strip, const edge_mve_sparse_routines *routines) {
    const edge_requantize *q = &layer->requantize;
    const edge_mve_sparse_product product = {q, layer->weights, strip, layer->out_c,
                                             edge_mve_sparse_chosen(routines, q)};
    int8_t *to = out;
    EDGE_ASSERT(layer->groups == 1 && (layer->in_c & 15) == 0 && (layer->out_c & 1) == 0);
    for (int32_t ox = 0; ox < layer->out_w; ox += EDGE_MVE_STRIP_PIXELS) {
        const int32_t left = layer->out_w - ox;
        const int32_t pixels = left < EDGE_MVE_STRIP_PIXELS ? left : EDGE_MVE_STRIP_PIXELS;
        build_strip(layer, in, y, ox, pixels, strip);
        edge_mve_sparse_multiply(&product, to, pixels);
        to += pixels * layer->out_c;
    }
    edge_mve_clamp_all(out, layer->out_w * layer->out_c, q->minimum, q->maximum);
}

#endif
