/* SPDX-License-Identifier: Apache-2.0
 *
 * Max pool, from the gradient of the output to that of the input: each window gives its gradient to
 * the first of its largest positions, windows in reading order.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/pool_gradient.h"
#include "edge/train_f32.h"

void edge_trainf32_max_pool2d_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                       void *out, void *scratch) {
    const edge_window *s = &((const edge_pool_gradient *)descriptor)->window;
    const float *gradient = in[0].data;
    float *to = out;
    (void)y;
    (void)scratch;
    memset(to, 0, (size_t)(s->in_h * s->in_w * s->in_c) * sizeof *to);
    for (int32_t p = 0; p < s->out_h * s->out_w; p++) {
        for (int32_t c = 0; c < s->out_c; c++) {
            to[edge_pool_winner(s, in[1].data, p / s->out_w, p % s->out_w, c)] += *gradient++;
        }
    }
}
