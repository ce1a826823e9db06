/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, from the gradient of the accumulators to that of the input:
 *
 *     out[iy][ix][c] = sum over ky, kx whose window holds (iy, ix), and over the repeats of c, of
 *                      gradient[oy][ox][c * repeats + r] * w[ky][kx][c * repeats + r]
 *
 * in that order.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train_f32.h"

static void add_tap(float *to, const edge_window *s, const float *gradient, const int8_t *w) {
    const int32_t repeats = s->out_c / s->in_c;
    for (int32_t c = 0; c < s->in_c; c++) {
        for (int32_t r = 0; r < repeats; r++) {
            to[c] += *gradient++ * (float)*w++;
        }
    }
}

static void add_windows(float *to, const edge_window *s, const float *gradient, const int8_t *w,
                        int32_t iy, int32_t ix) {
    for (int32_t ky = 0; ky < s->kernel_h; ky++) {
        const int32_t oy = edge_reached(iy, s->pad_top, ky, s->dilation_h, s->stride_h, s->out_h);
        for (int32_t kx = 0; kx < s->kernel_w; kx++, w += s->out_c) {
            const int32_t ox =
                edge_reached(ix, s->pad_left, kx, s->dilation_w, s->stride_w, s->out_w);
            if (oy >= 0 && ox >= 0) {
                add_tap(to, s, gradient + (oy * s->out_w + ox) * s->out_c, w);
            }
        }
    }
}

void edge_trainf32_depthwise_conv2d_input_gradient(const void *descriptor, const edge_rows *in,
                                                   int32_t y, void *out, void *scratch) {
    const edge_window *s = descriptor;
    float *to = out;
    (void)y;
    (void)scratch;
    memset(to, 0, (size_t)(s->in_h * s->in_w * s->in_c) * sizeof *to);
    for (int32_t p = 0; p < s->in_h * s->in_w; p++, to += s->in_c) {
        add_windows(to, s, in[0].data, in[2].data, p / s->in_w, p % s->in_w);
    }
}
