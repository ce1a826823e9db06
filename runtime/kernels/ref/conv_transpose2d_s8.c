/* SPDX-License-Identifier: Apache-2.0
 *
 * Transposed convolution, int8, one output row, gathered from the inputs that reach it:
 *
 *     acc[ox][oc] = bias[oc] + sum over ky, kx, ic of w[oc][ky][kx][ic] * (x[iy][ix][ic] - zero)
 *     iy * stride_h = y + pad_top - ky, ix * stride_w = ox + pad_left - kx
 *     out[ox][oc] = requantized acc
 *
 * 0 <= ky < kernel_h, 0 <= kx < kernel_w, 0 <= ic < in_c, where iy and ix are whole and inside the
 * input; zero is in_zero_point. Weights are OHWI.
 *
 * Accumulator: |bias[oc]| + 255 * sum |w[oc]| < 2^31 is checked when the constants are made.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

static int32_t dot(const int8_t *x, const int8_t *w, int32_t n, int32_t zero_point) {
    int32_t acc = 0;
    for (int32_t i = 0; i < n; i++) {
        acc += (x[i] - zero_point) * w[i];
    }
    return acc;
}

/* The kernel positions k, k + stride, .. along one axis carry the input positions `input`,
 * input - 1, .. to an output. */
typedef struct {
    int32_t k, input;
} taps;

static taps taps_of(int32_t reach, int32_t stride) {
    const taps first = {reach % stride, reach / stride};
    return first;
}

/* What one input row adds to an output, through the kernel row that begins at w. */
static int32_t from_row(const edge_conv2d *layer, const int8_t *x, const int8_t *w, taps across) {
    int32_t acc = 0;
    for (; across.k < layer->kernel_w; across.k += layer->stride_w, across.input--) {
        if (across.input >= 0 && across.input < layer->in_w) {
            acc += dot(x + across.input * layer->in_c, w + across.k * layer->in_c, layer->in_c,
                       layer->in_zero_point);
        }
    }
    return acc;
}

static int32_t output(const edge_conv2d *layer, const edge_rows *in, const int8_t *w, taps down,
                      taps across) {
    int32_t acc = 0;
    for (; down.k < layer->kernel_h; down.k += layer->stride_h, down.input--) {
        const int8_t *x = edge_row(in, down.input);
        if (x != NULL) {
            acc += from_row(layer, x, w + down.k * layer->kernel_w * layer->in_c, across);
        }
    }
    return acc;
}

void edge_ref_conv_transpose2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_conv2d *layer = descriptor;
    const int32_t filter = layer->kernel_h * layer->kernel_w * layer->in_c;
    const taps down = taps_of(y + layer->pad_top, layer->stride_h);
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        const taps across = taps_of(ox + layer->pad_left, layer->stride_w);
        const int8_t *w = layer->weights;
        for (int32_t oc = 0; oc < layer->out_c; oc++, w += filter) {
            const int32_t acc = output(layer, in, w, down, across);
            *to++ = edge_requantized(&layer->requantize, oc, acc + layer->requantize.bias[oc]);
        }
    }
}
