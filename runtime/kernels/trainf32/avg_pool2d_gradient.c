/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pool, from the gradient of the output to that of the input:
 *
 *     out[iy][ix][c] = sum over ky, kx whose window holds (iy, ix) of
 *                      gradient[oy][ox][c] * share[count]
 *
 * count is the number of positions of a window inside of the input; where there is no padding all
 * windows have one share.
 */
#include "edge/kernels.h"
#include "edge/pool_gradient.h"
#include "edge/train_f32.h"

static float sum_at(const edge_pool_gradient *layer, const edge_rows *in, int32_t iy, int32_t ix,
                    int32_t c) {
    const edge_window *s = &layer->window;
    const float *gradient = in[0].data, *shares = in[1].data;
    float sum = 0.0f;
    for (int32_t ky = 0; ky < s->kernel_h; ky++) {
        const int32_t oy = edge_reached(iy, s->pad_top, ky, 1, s->stride_h, s->out_h);
        for (int32_t kx = 0; oy >= 0 && kx < s->kernel_w; kx++) {
            const int32_t ox = edge_reached(ix, s->pad_left, kx, 1, s->stride_w, s->out_w);
            if (ox >= 0) {
                sum += gradient[(oy * s->out_w + ox) * s->out_c + c] *
                       shares[edge_pool_share(layer, oy, ox)];
            }
        }
    }
    return sum;
}

void edge_trainf32_avg_pool2d_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                       void *out, void *scratch) {
    const edge_pool_gradient *layer = descriptor;
    const edge_window *s = &layer->window;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t p = 0; p < s->in_h * s->in_w; p++) {
        for (int32_t c = 0; c < s->in_c; c++) {
            *to++ = sum_at(layer, in, p / s->in_w, p % s->in_w, c);
        }
    }
}
