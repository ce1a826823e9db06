/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, float32, one output row:
 *
 *     acc[ox][oc] = bias[oc] + sum over ky, kx, ic, in this order, of w[oc][ky][kx][ic] *
 *                   x[iy][ix][g + ic]
 *     iy = y * stride_h - pad_top + ky * dilation_h, ix = ox * stride_w - pad_left + kx *
 * dilation_w out[ox][oc] = acc within the limits
 *
 * 0 <= ky < kernel_h, 0 <= kx < kernel_w, 0 <= ic < in_c / groups; g is the first input channel of
 * the group of oc. Positions outside the input are left out. Weights are OHWI.
 */
#ifndef EDGE_REF_CONV2D_F32_H
#define EDGE_REF_CONV2D_F32_H

#include "edge/f32_madd.h"

/* acc and the products of one kernel row; ix is the column of kx = 0, w the weights of [oc][ky]. */
static float kernel_row(const edge_conv2d_f32 *layer, const float *row, int32_t ix, const float *w,
                        float acc) {
    const int32_t depth = layer->in_c / layer->groups;
    for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w, w += depth) {
        if (ix >= 0 && ix < layer->in_w) {
            acc = edge_dot_f32(row + ix * layer->in_c, w, depth, acc);
        }
    }
    return acc;
}

static float window(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y, int32_t ox,
                    int32_t oc) {
    const int32_t depth = layer->in_c / layer->groups;
    const int32_t group = oc / (layer->out_c / layer->groups);
    const int32_t row_weights = layer->kernel_w * depth;
    const float *w = (const float *)layer->weights + oc * layer->kernel_h * row_weights;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    float acc = layer->bias[oc];
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h, w += row_weights) {
        const float *row = edge_row(in, iy);
        if (row != NULL) {
            acc = kernel_row(layer, row + group * depth, ix, w, acc);
        }
    }
    return acc;
}

static void convolve(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y, float *to) {
    EDGE_ASSERT(layer->in_c % layer->groups == 0 && layer->out_c % layer->groups == 0);
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        for (int32_t oc = 0; oc < layer->out_c; oc++) {
            const float acc = window(layer, in, y, ox, oc);
            *to++ = edge_limited_f32(edge_finished_f32(acc), layer->minimum, layer->maximum);
        }
    }
}

#endif
