/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected layer, int8, and convolution with a 1x1 kernel:
 *
 *     acc[p][oc] = bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *     out[p][oc] = requantized acc
 *
 * 0 <= p < pixels, 0 <= ic < in_c. Weights are [out_c][in_c].
 *
 * Accumulator: |bias[oc]| + 128 * sum |w[oc]| < 2^31 is checked when the constants are made, so no
 * order of summation overflows.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

static int32_t dot(const int8_t *x, const int8_t *w, int32_t n, int32_t acc) {
    for (int32_t i = 0; i < n; i++) {
        acc += x[i] * w[i];
    }
    return acc;
}

void edge_ref_linear_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_linear *layer = descriptor;
    const int8_t *x = edge_row(in, y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    for (int32_t p = 0; p < layer->pixels; p++, x += layer->in_c) {
        const int8_t *w = layer->weights;
        for (int32_t oc = 0; oc < layer->out_c; oc++, w += layer->in_c) {
            const int32_t acc = dot(x, w, layer->in_c, layer->requantize.bias[oc]);
            *to++ = edge_requantized(&layer->requantize, oc, acc);
        }
    }
}
