/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear layer and convolution with a 1x1 kernel, from the gradient of the accumulators to that of
 * the input:
 *
 *     out[p][ic] = sum over oc of gradient[p][oc] * w[oc][ic]
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train_f32.h"

void edge_trainf32_linear_input_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                         void *out, void *scratch) {
    const edge_window *s = descriptor;
    const float *gradient = in[0].data;
    float *to = out;
    (void)y;
    (void)scratch;
    memset(to, 0, (size_t)(s->out_h * s->out_w * s->in_c) * sizeof *to);
    for (int32_t p = s->out_h * s->out_w; p > 0; p--, to += s->in_c) {
        const int8_t *w = in[2].data;
        for (int32_t oc = s->out_c; oc > 0; oc--, gradient++, w += s->in_c) {
            for (int32_t ic = 0; *gradient != 0.0f && ic < s->in_c; ic++) {
                to[ic] += *gradient * (float)w[ic];
            }
        }
    }
}
