/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row:
 *
 *     acc[ox][oc] = bias[oc] + sum over ky, kx of w[ky][kx][oc] * x[iy][ix][oc / m]
 *     iy = y * stride_h - pad_top + ky * dilation_h, ix = ox * stride_w - pad_left + kx *
 * dilation_w out[ox][oc] = requantized acc
 *
 * 0 <= ky < kernel_h, 0 <= kx < kernel_w, m = out_c / in_c. x is in_zero_point outside the input.
 *
 * Accumulator: |bias[oc]| + 128 * sum |w[oc]| < 2^31 is checked when the constants are made, so no
 * order of summation overflows.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

enum { BLOCK = 16 }; /* channels whose accumulators are held at once */

/* Adds the tap with the weights w to `channels` accumulators; pixel holds channel `first` / m on.
 */
static void add_tap(int32_t *acc, const int8_t *pixel, const int8_t *w, int32_t first,
                    int32_t channels, int32_t m) {
    for (int32_t c = 0; c < channels; c++) {
        acc[c] += pixel[m == 1 ? first + c : (first + c) / m] * w[c];
    }
}

static void add_padding(int32_t *acc, int32_t x, const int8_t *w, int32_t channels) {
    for (int32_t c = 0; c < channels; c++) {
        acc[c] += x * w[c];
    }
}

/* Adds kernel row ky to the accumulators of channels first..first + channels - 1. `row` is NULL in
 * the padding, ix the column of kx = 0, w the weights of [ky][0][first]. */
static void add_kernel_row(const edge_conv2d *layer, int32_t *acc, const int8_t *row, int32_t ix,
                           const int8_t *w, int32_t first, int32_t channels) {
    const int32_t m = layer->out_c / layer->in_c;
    for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w, w += layer->out_c) {
        if (row != NULL && ix >= 0 && ix < layer->in_w) {
            add_tap(acc, row + ix * layer->in_c, w, first, channels, m);
        } else {
            add_padding(acc, layer->in_zero_point, w, channels);
        }
    }
}

static void block(const edge_conv2d *layer, const edge_rows *in, int32_t y, int32_t ox,
                  int32_t first, int32_t channels, int8_t *out) {
    int32_t acc[BLOCK];
    for (int32_t c = 0; c < channels; c++) {
        acc[c] = layer->requantize.bias[first + c];
    }
    const int8_t *w = (const int8_t *)layer->weights + first;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h) {
        add_kernel_row(layer, acc, edge_row(in, iy), ix, w, first, channels);
        w += layer->kernel_w * layer->out_c;
    }
    for (int32_t c = 0; c < channels; c++) {
        out[c] = edge_requantized(&layer->requantize, first + c, acc[c]);
    }
}

void edge_ref_depthwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_conv2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(layer->out_c % layer->in_c == 0);
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->out_c) {
        for (int32_t first = 0; first < layer->out_c; first += BLOCK) {
            const int32_t left = layer->out_c - first;
            block(layer, in, y, ox, first, left < BLOCK ? left : BLOCK, to + first);
        }
    }
}
