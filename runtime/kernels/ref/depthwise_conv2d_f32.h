/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, float32, one output row:
 *
 *     acc[ox][oc] = bias[oc] + sum over ky, kx, in this order, of w[ky][kx][oc] * x[iy][ix][oc / m]
 *     iy = y * stride_h - pad_top + ky * dilation_h, ix = ox * stride_w - pad_left + kx *
 * dilation_w out[ox][oc] = acc within the limits
 *
 * 0 <= ky < kernel_h, 0 <= kx < kernel_w, m = out_c / in_c. Positions outside the input are left
 * out.
 */
#ifndef EDGE_REF_DEPTHWISE_CONV2D_F32_H
#define EDGE_REF_DEPTHWISE_CONV2D_F32_H

#include "edge/f32_madd.h"

static float window(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y, int32_t ox,
                    int32_t oc) {
    const int32_t channel = oc / (layer->out_c / layer->in_c);
    const float *w = (const float *)layer->weights + oc;
    float acc = layer->bias[oc];
    for (int32_t ky = 0; ky < layer->kernel_h; ky++) {
        const float *row =
            edge_row(in, y * layer->stride_h - layer->pad_top + ky * layer->dilation_h);
        int32_t ix = ox * layer->stride_w - layer->pad_left;
        for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w) {
            if (row != NULL && ix >= 0 && ix < layer->in_w) {
                acc = edge_madd_f32(row[ix * layer->in_c + channel], *w, acc);
            }
            w += layer->out_c;
        }
    }
    return acc;
}

static void convolve_channels(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y,
                              float *to) {
    EDGE_ASSERT(layer->out_c % layer->in_c == 0);
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        for (int32_t oc = 0; oc < layer->out_c; oc++) {
            const float acc = window(layer, in, y, ox, oc);
            *to++ = edge_limited_f32(edge_finished_f32(acc), layer->minimum, layer->maximum);
        }
    }
}

#endif
