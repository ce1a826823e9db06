/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of the trained slice of a convolution's weight, in place:
 *
 *     w[oc][ky][kx][ic] -= step(sum over oy, ox of gradient[oy][ox][oc] *
 *                               (x[iy][ix][g + ic] - in_zero_point)), in 1/256
 *
 * g is the first channel of the group of oc.
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

void edge_train_update_conv2d_weight(const void *descriptor, const edge_rows *in, int32_t y,
                                     void *out, void *scratch) {
    const edge_update_weight *layer = descriptor;
    const edge_window *s = &layer->window;
    const int32_t depth = s->in_c / s->groups, per_group = s->out_c / s->groups;
    const int32_t taps = s->kernel_h * s->kernel_w, exponent = edge_exponent(&in[1]);
    const int16_t *mantissa = in[5].data;
    const int8_t *shift = in[6].data;
    int8_t *high = out;
    int32_t index = 0;
    (void)y;
    (void)scratch;
    for (int32_t oc = 0; oc < s->out_c; oc++) {
        const int8_t *gradient = (const int8_t *)in[0].data + oc;
        const int8_t *x = (const int8_t *)in[2].data + oc / per_group * depth;
        if (!edge_has_gradient(s, gradient)) {
            index += taps * depth;
            continue;
        }
        for (int32_t k = 0; k < taps * depth; k++, index++) {
            const int32_t tap = k / depth;
            const int32_t sum =
                correlate(layer, gradient, x + k % depth, tap / s->kernel_w, tap % s->kernel_w);
            edge_update(layer, in, high, index,
                        edge_fixed_step(sum, mantissa[oc], shift[oc], exponent));
        }
    }
}
