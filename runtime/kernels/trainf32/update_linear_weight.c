/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of the trained slice of a linear layer, or of a convolution with a 1x1 kernel, in place:
 *
 *     w[oc][ic] -= step(sum over p of gradient[p][oc] * (x[p][ic] - in_zero_point)), in 1/256
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

static float correlate(const edge_update_weight *layer, const float *gradient, const int8_t *x) {
    const edge_window *s = &layer->window;
    float sum = 0.0f;
    for (int32_t p = s->out_h * s->out_w; p > 0; p--, gradient += s->out_c, x += s->in_c) {
        sum += *gradient * (float)(*x - layer->in_zero_point);
    }
    return sum;
}

void edge_trainf32_update_linear_weight(const void *descriptor, const edge_rows *in, int32_t y,
                                        void *out, void *scratch) {
    const edge_update_weight *layer = descriptor;
    const float *gradient = in[0].data, *factor = in[5].data;
    const int8_t *x = in[2].data;
    const int32_t inputs = layer->window.in_c;
    (void)y;
    (void)scratch;
    for (int32_t oc = 0; oc < layer->window.out_c; oc++) {
        const int moves = edge_has_float_gradient(&layer->window, gradient + oc);
        for (int32_t ic = 0; moves && ic < inputs; ic++) {
            const float sum = correlate(layer, gradient + oc, x + ic);
            edge_update(layer, in, out, oc * inputs + ic, edge_float_step(sum, factor[oc]));
        }
    }
}
