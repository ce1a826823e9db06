/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear layer, int8, and convolution with a 1x1 kernel, whose weights and bias are in RAM, with
 * the mask of what was not clamped:
 *
 *     acc[p][oc] = bias[oc] + sum over ic of w[oc][ic] * (x[p][ic] - in_zero_point)
 *
 * Scratch: int32[out_c] for bias[oc] - in_zero_point * sum of w[oc].
 *
 * Accumulator: |bias| + 255 * 128 * in_c < 2^31 for every int8 weight, checked when the step is
 * made.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static void fold(int32_t *folded, const edge_live *layer, const int32_t *bias, const int8_t *w) {
    for (int32_t oc = 0; oc < layer->window.out_c; oc++) {
        int32_t sum = 0;
        for (int32_t ic = 0; ic < layer->window.in_c; ic++) {
            sum += *w++;
        }
        folded[oc] = bias[oc] - layer->in_zero_point * sum;
    }
}

static int32_t dot(const int8_t *x, const int8_t *w, int32_t n, int32_t sum) {
    for (int32_t i = 0; i < n; i++) {
        sum += x[i] * w[i];
    }
    return sum;
}

void edge_train_live_linear(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_live *layer = descriptor;
    const int32_t inputs = layer->window.in_c, outputs = layer->window.out_c;
    const int8_t *x = in[0].data;
    edge_mask mask = {(uint8_t *)in[5].data, 0, 0};
    int32_t *folded = scratch;
    int8_t *to = out;
    (void)y;
    fold(folded, layer, in[2].data, in[1].data);
    for (int32_t p = layer->window.out_h * layer->window.out_w; p > 0; p--, x += inputs) {
        const int8_t *w = in[1].data;
        for (int32_t oc = 0; oc < outputs; oc++, w += inputs) {
            const int32_t acc = dot(x, w, inputs, folded[oc]);
            *to++ = edge_requantize_masked(&layer->requantize, oc, acc, &mask);
        }
    }
    edge_mask_end(&mask);
}
