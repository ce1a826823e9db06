/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected layer, float32, and convolution with a 1x1 kernel:
 *
 *     acc[p][oc] = bias[oc] + sum over ic, upwards, of w[oc][ic] * x[p][ic]
 *     out[p][oc] = acc within the limits
 *
 * 0 <= p < pixels, 0 <= ic < in_c. Weights are [out_c][in_c].
 */
#include "edge/f32.h"
#include "edge/kernels.h"

static float dot(const float *x, const float *w, int32_t n, float acc) {
    for (int32_t i = 0; i < n; i++) {
        acc += x[i] * w[i];
    }
    return acc;
}

void edge_ref_linear_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                         void *scratch) {
    const edge_linear_f32 *layer = descriptor;
    const float *x = edge_row(in, y);
    float *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    for (int32_t p = 0; p < layer->pixels; p++, x += layer->in_c) {
        const float *w = layer->weights;
        for (int32_t oc = 0; oc < layer->out_c; oc++, w += layer->in_c) {
            const float acc = dot(x, w, layer->in_c, layer->bias[oc]);
            *to++ = edge_limited_f32(acc, layer->minimum, layer->maximum);
        }
    }
}
