/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, from the gradient of the accumulators to that of the input:
 *
 *     out[iy][ix][ic] = sum over ky, kx, oc whose window holds (iy, ix) of
 *                       gradient[oy][ox][oc] * w[oc][ky][kx][ic]
 *
 * in that order.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train_f32.h"

/* Adds what output position `gradient` sends through one tap; w is w[0][ky][kx]. */
static void add_tap(float *to, const edge_window *s, const float *gradient, const int8_t *w) {
    const int32_t depth = s->in_c / s->groups, per_group = s->out_c / s->groups;
    const int32_t filter = s->kernel_h * s->kernel_w * depth;
    for (int32_t oc = 0; oc < s->out_c; oc++, w += filter) {
        float *part = to + oc / per_group * depth;
        for (int32_t ic = 0; gradient[oc] != 0.0f && ic < depth; ic++) {
            part[ic] += gradient[oc] * (float)w[ic];
        }
    }
}

static void add_windows(float *to, const edge_window *s, const float *gradient, const int8_t *w,
                        int32_t iy, int32_t ix) {
    const int32_t depth = s->in_c / s->groups;
    for (int32_t ky = 0; ky < s->kernel_h; ky++) {
        const int32_t oy = edge_reached(iy, s->pad_top, ky, s->dilation_h, s->stride_h, s->out_h);
        for (int32_t kx = 0; kx < s->kernel_w; kx++, w += depth) {
            const int32_t ox =
                edge_reached(ix, s->pad_left, kx, s->dilation_w, s->stride_w, s->out_w);
            if (oy >= 0 && ox >= 0) {
                add_tap(to, s, gradient + (oy * s->out_w + ox) * s->out_c, w);
            }
        }
    }
}

void edge_trainf32_conv2d_input_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                         void *out, void *scratch) {
    const edge_window *s = descriptor;
    float *to = out;
    (void)y;
    (void)scratch;
    memset(to, 0, (size_t)(s->in_h * s->in_w * s->in_c) * sizeof *to);
    for (int32_t p = 0; p < s->in_h * s->in_w; p++, to += s->in_c) {
        add_windows(to, s, in[0].data, in[2].data, p / s->in_w, p % s->in_w);
    }
}
