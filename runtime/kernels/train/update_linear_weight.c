/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of the trained slice of a linear layer, or of a convolution with a 1x1 kernel, in place:
 *
 *     w[oc][ic] -= step(sum over p of gradient[p][oc] * (x[p][ic] - in_zero_point)), in 1/256
 *
 * Sums: 127 * 255 * positions < 2^31 for up to 66,000 positions.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int32_t correlate(const edge_update_weight *layer, const int8_t *gradient, const int8_t *x) {
    const edge_window *s = &layer->window;
    int32_t sum = 0;
    for (int32_t p = s->out_h * s->out_w; p > 0; p--, gradient += s->out_c, x += s->in_c) {
        sum += *gradient * (*x - layer->in_zero_point);
    }
    return sum;
}

void edge_train_update_linear_weight(const void *descriptor, const edge_rows *in, int32_t y,
                                     void *out, void *scratch) {
    const edge_update_weight *layer = descriptor;
    const int8_t *gradient = in[0].data, *x = in[2].data, *shift = in[6].data;
    const int16_t *mantissa = in[5].data;
    const int32_t exponent = edge_exponent(&in[1]), inputs = layer->window.in_c;
    int8_t *high = out;
    (void)y;
    (void)scratch;
    for (int32_t oc = 0; oc < layer->window.out_c; oc++) {
        const int moves = mantissa[oc] != 0 && edge_has_gradient(&layer->window, gradient + oc);
        for (int32_t ic = 0; moves && ic < inputs; ic++) {
            const int32_t sum = correlate(layer, gradient + oc, x + ic);
            const int32_t step = edge_fixed_step(sum, mantissa[oc], shift[oc], exponent);
            edge_update(layer, in, high, oc * inputs + ic, step);
        }
    }
}
