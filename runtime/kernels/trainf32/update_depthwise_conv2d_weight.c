/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of the trained slice of a depthwise weight, in place:
 *
 *     w[ky][kx][c] -= step(sum over oy, ox of gradient[oy][ox][c] *
 *                          (x[iy][ix][c / repeats] - in_zero_point)), in 1/256
 *
 * The window's in_c are the channels of x, out_c those of the gradient, groups the trained filters.
 */
#include "edge/correlate_f32.h"
#include "edge/kernels.h"

void edge_trainf32_update_depthwise_conv2d_weight(const void *descriptor, const edge_rows *in,
                                                  int32_t y, void *out, void *scratch) {
    const edge_update_weight *layer = descriptor;
    const edge_window *s = &layer->window;
    const int32_t filters = s->groups, repeats = (filters + s->in_c - 1) / s->in_c;
    const float *gradient = in[0].data, *factor = in[5].data;
    const int8_t *x = in[2].data;
    int32_t index = 0;
    (void)y;
    (void)scratch;
    for (int32_t tap = 0; tap < s->kernel_h * s->kernel_w; tap++) {
        for (int32_t c = 0; c < filters; c++, index++) {
            const float sum = edge_correlate_f32(layer, gradient + c, x + c / repeats, tap);
            edge_update(layer, in, out, index, edge_float_step(sum, factor[c]));
        }
    }
}
