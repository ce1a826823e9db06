/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, whose weights and bias are in RAM, with the mask of what was not
 * clamped:
 *
 *     acc[oy][ox][c] = bias[c] + sum over the window of w[ky][kx][c] * (x[c / repeats] - zero
 * point)
 *
 * Weights are [kernel_h][kernel_w][out_c]; repeats = out_c / in_c. Scratch: int32[out_c].
 *
 * Accumulator: |bias| + 255 * 128 * taps < 2^31 for every int8 weight, checked when the step is
 * made.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train.h"

static void add_tap(int32_t *sums, const edge_live *layer, const int8_t *x, const int8_t *w) {
    const int32_t count = layer->window.out_c, repeats = count / layer->window.in_c;
    const int32_t zero = layer->in_zero_point;
    if (repeats == 1) {
        for (int32_t c = 0; c < count; c++) {
            sums[c] += (x[c] - zero) * w[c];
        }
        return;
    }
    for (int32_t c = 0; c < count; c++) {
        sums[c] += (x[c / repeats] - zero) * w[c];
    }
}

static void add_window(int32_t *sums, const edge_live *layer, const int8_t *x, const int8_t *w,
                       int32_t oy, int32_t ox) {
    const edge_window *s = &layer->window;
    for (int32_t ky = 0; ky < s->kernel_h; ky++) {
        const int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
        for (int32_t kx = 0; kx < s->kernel_w; kx++, w += s->out_c) {
            const int32_t ix = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
            if (iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w) {
                add_tap(sums, layer, x + (iy * s->in_w + ix) * s->in_c, w);
            }
        }
    }
}

void edge_train_live_depthwise_conv2d(const void *descriptor, const edge_rows *in, int32_t y,
                                      void *out, void *scratch) {
    const edge_live *layer = descriptor;
    const edge_window *s = &layer->window;
    edge_mask mask = {(uint8_t *)in[5].data, 0, 0};
    int32_t *sums = scratch;
    int8_t *to = out;
    (void)y;
    for (int32_t p = 0; p < s->out_h * s->out_w; p++) {
        memcpy(sums, in[2].data, (size_t)s->out_c * sizeof *sums);
        add_window(sums, layer, in[0].data, in[1].data, p / s->out_w, p % s->out_w);
        for (int32_t c = 0; c < s->out_c; c++) {
            *to++ = edge_requantize_masked(&layer->requantize, c, sums[c], &mask);
        }
    }
    edge_mask_end(&mask);
}
