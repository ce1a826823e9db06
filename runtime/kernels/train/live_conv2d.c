/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, whose weights and bias are in RAM, with the mask of what was not clamped:
 *
 *     acc[oy][ox][oc] = bias[oc] + sum over the window of w[oc][ky][kx][ic] * (x - in_zero_point)
 *
 * Weights are OHWI; positions outside of the input take no part.
 *
 * Accumulator: |bias| + 255 * 128 * terms < 2^31 for every int8 weight, checked when the step is
 * made.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int32_t dot(const int8_t *x, int32_t zero, const int8_t *w, int32_t n) {
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += (x[i] - zero) * w[i];
    }
    return sum;
}

static int32_t accumulate(const edge_live *layer, const int8_t *x, const int8_t *w, int32_t oy,
                          int32_t ox) {
    const edge_window *s = &layer->window;
    const int32_t depth = s->in_c / s->groups;
    int32_t sum = 0;
    for (int32_t ky = 0; ky < s->kernel_h; ky++) {
        const int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
        for (int32_t kx = 0; kx < s->kernel_w; kx++, w += depth) {
            const int32_t ix = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
            if (iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w) {
                sum += dot(x + (iy * s->in_w + ix) * s->in_c, layer->in_zero_point, w, depth);
            }
        }
    }
    return sum;
}

void edge_train_live_conv2d(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_live *layer = descriptor;
    const edge_window *s = &layer->window;
    const int32_t depth = s->in_c / s->groups, per_group = s->out_c / s->groups;
    const int32_t filter = s->kernel_h * s->kernel_w * depth;
    const int32_t *bias = in[2].data;
    edge_mask mask = {(uint8_t *)in[5].data, 0, 0};
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t p = 0; p < s->out_h * s->out_w; p++) {
        for (int32_t oc = 0; oc < s->out_c; oc++) {
            const int8_t *x = (const int8_t *)in[0].data + oc / per_group * depth;
            const int8_t *w = (const int8_t *)in[1].data + oc * filter;
            const int32_t sum = accumulate(layer, x, w, p / s->out_w, p % s->out_w);
            *to++ = edge_requantize_masked(&layer->requantize, oc, bias[oc] + sum, &mask);
        }
    }
    edge_mask_end(&mask);
}
