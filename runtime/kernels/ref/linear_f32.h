/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected layer, float32, and convolution with a 1x1 kernel:
 *
 *     acc[p][oc] = bias[oc] + sum over ic, upwards, of w[oc][ic] * x[p][ic]
 *     out[p][oc] = acc within the limits
 *
 * 0 <= p < pixels, 0 <= ic < in_c. Weights are [out_c][in_c].
 */
#ifndef EDGE_REF_LINEAR_F32_H
#define EDGE_REF_LINEAR_F32_H

#include "edge/f32_madd.h"

static void multiply_vectors(const edge_linear_f32 *layer, const edge_rows *in, int32_t y,
                             float *to) {
    const float *x = edge_row(in, y);
    EDGE_ASSERT(x != NULL);
    for (int32_t p = 0; p < layer->pixels; p++, x += layer->in_c) {
        const float *w = layer->weights;
        for (int32_t oc = 0; oc < layer->out_c; oc++, w += layer->in_c) {
            const float acc = edge_dot_f32(x, w, layer->in_c, layer->bias[oc]);
            *to++ = edge_limited_f32(edge_finished_f32(acc), layer->minimum, layer->maximum);
        }
    }
}

#endif
