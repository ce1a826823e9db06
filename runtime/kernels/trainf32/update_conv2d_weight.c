/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of the trained slice of a convolution's weight, in place:
 *
 *     w[oc][ky][kx][ic] -= step(sum over oy, ox of gradient[oy][ox][oc] *
 *                               (x[iy][ix][g + ic] - in_zero_point)), in 1/256
 *
 * g is the first channel of the group of oc.
 */
#include "edge/correlate_f32.h"
#include "edge/kernels.h"

void edge_trainf32_update_conv2d_weight(const void *descriptor, const edge_rows *in, int32_t y,
                                        void *out, void *scratch) {
    const edge_update_weight *layer = descriptor;
    const edge_window *s = &layer->window;
    const int32_t depth = s->in_c / s->groups, per_group = s->out_c / s->groups;
    const int32_t weights = s->kernel_h * s->kernel_w * depth;
    const float *factor = in[5].data;
    (void)y;
    (void)scratch;
    for (int32_t oc = 0; oc < s->out_c; oc++) {
        const float *gradient = (const float *)in[0].data + oc;
        const int8_t *x = (const int8_t *)in[2].data + oc / per_group * depth;
        const int moves = edge_has_float_gradient(s, gradient);
        for (int32_t k = 0; moves && k < weights; k++) {
            const float sum = edge_correlate_f32(layer, gradient, x + k % depth, k / depth);
            edge_update(layer, in, out, oc * weights + k, edge_float_step(sum, factor[oc]));
        }
    }
}
