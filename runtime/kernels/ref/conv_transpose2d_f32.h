/* SPDX-License-Identifier: Apache-2.0
 *
 * Transposed convolution, float32, one output row, gathered from the inputs that reach it:
 *
 *     acc[ox][oc] = bias[oc] + sum over ky, kx, ic, in this order, of w[oc][ky][kx][ic] *
 *                   x[iy][ix][ic]
 *     iy * stride_h = y + pad_top - ky, ix * stride_w = ox + pad_left - kx
 *     out[ox][oc] = acc within the limits
 *
 * 0 <= ky < kernel_h, 0 <= kx < kernel_w, 0 <= ic < in_c, where iy and ix are whole and inside the
 * input. Weights are OHWI.
 */
#ifndef EDGE_REF_CONV_TRANSPOSE2D_F32_H
#define EDGE_REF_CONV_TRANSPOSE2D_F32_H

#include "edge/f32_madd.h"

/* acc and the products of one input row; w begins at the weights of its kernel row, reach is the
 * output column in the uncut output. */
static float from_row(const edge_conv2d_f32 *layer, const float *row, const float *w, int32_t reach,
                      float acc) {
    int32_t ix = reach / layer->stride_w;
    for (int32_t kx = reach % layer->stride_w; kx < layer->kernel_w; kx += layer->stride_w, ix--) {
        if (ix >= 0 && ix < layer->in_w) {
            const float *x = row + ix * layer->in_c;
            acc = edge_dot_f32(x, w + kx * layer->in_c, layer->in_c, acc);
        }
    }
    return acc;
}

static float gathered(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y, int32_t ox,
                      int32_t oc) {
    const int32_t row_weights = layer->kernel_w * layer->in_c;
    const float *w = (const float *)layer->weights + oc * layer->kernel_h * row_weights;
    const int32_t reach = y + layer->pad_top;
    int32_t iy = reach / layer->stride_h;
    float acc = layer->bias[oc];
    for (int32_t ky = reach % layer->stride_h; ky < layer->kernel_h; ky += layer->stride_h, iy--) {
        const float *row = edge_row(in, iy);
        if (row != NULL) {
            acc = from_row(layer, row, w + ky * row_weights, ox + layer->pad_left, acc);
        }
    }
    return acc;
}

static void spread(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y, float *to) {
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        for (int32_t oc = 0; oc < layer->out_c; oc++) {
            const float acc = gathered(layer, in, y, ox, oc);
            *to++ = edge_limited_f32(edge_finished_f32(acc), layer->minimum, layer->maximum);
        }
    }
}

#endif
