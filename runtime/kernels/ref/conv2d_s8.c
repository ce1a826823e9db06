/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row:
 *
 *     acc[ox][oc] = bias[oc] + sum over ky, kx, ic of w[oc][ky][kx][ic] * x[iy][ix][g + ic]
 *     iy = y * stride_h - pad_top + ky * dilation_h, ix = ox * stride_w - pad_left + kx *
 * dilation_w out[ox][oc] = requantized acc
 *
 * 0 <= ky < kernel_h, 0 <= kx < kernel_w, 0 <= ic < in_c / groups; g is the first input channel of
 * the group of oc. x is in_zero_point outside the input. Weights are OHWI.
 *
 * Accumulator: |bias[oc]| + 128 * sum |w[oc]| < 2^31 is checked when the constants are made, so no
 * order of summation overflows.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

static int32_t dot(const int8_t *x, const int8_t *w, int32_t n) {
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += x[i] * w[i];
    }
    return sum;
}

/* The dot product with a pixel of the padding. */
static int32_t dot_padding(int32_t x, const int8_t *w, int32_t n) {
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += x * w[i];
    }
    return sum;
}

/* The part of one accumulator that kernel row ky makes; `row` is NULL in the padding, ix the column
 * of kx = 0, w the weights of [oc][ky]. */
static int32_t kernel_row(const edge_conv2d *layer, const int8_t *row, int32_t ix,
                          const int8_t *w) {
    const int32_t depth = layer->in_c / layer->groups;
    int32_t sum = 0;
    for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w, w += depth) {
        const int inside = row != NULL && ix >= 0 && ix < layer->in_w;
        sum += inside ? dot(row + ix * layer->in_c, w, depth)
                      : dot_padding(layer->in_zero_point, w, depth);
    }
    return sum;
}

static int32_t window(const edge_conv2d *layer, const edge_rows *in, int32_t y, int32_t ox,
                      int32_t oc) {
    const int32_t depth = layer->in_c / layer->groups;
    const int32_t group = oc / (layer->out_c / layer->groups);
    const int32_t row_weights = layer->kernel_w * depth;
    const int8_t *w = (const int8_t *)layer->weights + oc * layer->kernel_h * row_weights;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    int32_t acc = layer->requantize.bias[oc];
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h, w += row_weights) {
        const int8_t *row = edge_row(in, iy);
        acc += kernel_row(layer, row != NULL ? row + group * depth : NULL, ix, w);
    }
    return acc;
}

void edge_ref_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_conv2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(layer->in_c % layer->groups == 0 && layer->out_c % layer->groups == 0);
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        for (int32_t oc = 0; oc < layer->out_c; oc++) {
            *to++ = edge_requantized(&layer->requantize, oc, window(layer, in, y, ox, oc));
        }
    }
}
