/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of the trained slice of a depthwise weight, in place:
 *
 *     w[ky][kx][c] -= step(sum over oy, ox of gradient[oy][ox][c] *
 *                          (x[iy][ix][c / repeats] - in_zero_point)), in 1/256
 *
 * The window's in_c are the channels of x, out_c those of the gradient, groups the trained filters.
 * Sums: 127 * 255 * positions < 2^31 for up to 66,000 positions.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int32_t correlate(const edge_update_weight *layer, const int8_t *gradient, const int8_t *x,
                         int32_t ky, int32_t kx) {
    const edge_window *s = &layer->window;
    int32_t sum = 0;
    for (int32_t oy = 0; oy < s->out_h; oy++) {
        const int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
        for (int32_t ox = 0; ox < s->out_w; ox++, gradient += s->out_c) {
            const int32_t ix = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
            if (iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w) {
                sum += *gradient * (x[(iy * s->in_w + ix) * s->in_c] - layer->in_zero_point);
            }
        }
    }
    return sum;
}

void edge_train_update_depthwise_conv2d_weight(const void *descriptor, const edge_rows *in,
                                               int32_t y, void *out, void *scratch) {
    const edge_update_weight *layer = descriptor;
    const edge_window *s = &layer->window;
    const int32_t filters = s->groups, repeats = (filters + s->in_c - 1) / s->in_c;
    const int32_t exponent = edge_exponent(&in[1]);
    const int16_t *mantissa = in[5].data;
    const int8_t *shift = in[6].data;
    int8_t *high = out;
    int32_t index = 0;
    (void)y;
    (void)scratch;
    for (int32_t tap = 0; tap < s->kernel_h * s->kernel_w; tap++) {
        for (int32_t c = 0; c < filters; c++, index++) {
            const int32_t sum = correlate(layer, (const int8_t *)in[0].data + c,
                                          (const int8_t *)in[2].data + c / repeats,
                                          tap / s->kernel_w, tap % s->kernel_w);
            edge_update(layer, in, high, index,
                        edge_fixed_step(sum, mantissa[c], shift[c], exponent));
        }
    }
}
