/* SPDX-License-Identifier: Apache-2.0
 *
 * Max pool, from the gradient of the output to that of the input: each window gives its gradient to
 * the first of its largest positions, in reading order. int16 sums.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train.h"

/* Index into the input of the window's first largest position. */
static int32_t winner(const edge_window *s, const int8_t *x, int32_t oy, int32_t ox, int32_t c) {
    int32_t best = -1;
    for (int32_t ky = 0; ky < s->kernel_h; ky++) {
        for (int32_t kx = 0; kx < s->kernel_w; kx++) {
            const int32_t iy = oy * s->stride_h - s->pad_top + ky;
            const int32_t ix = ox * s->stride_w - s->pad_left + kx;
            const int32_t at = (iy * s->in_w + ix) * s->in_c + c;
            const int in_image = iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w;
            if (in_image && (best < 0 || x[at] > x[best])) {
                best = at;
            }
        }
    }
    return best;
}

void edge_train_max_pool2d_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                    void *out, void *scratch) {
    const edge_window *s = &((const edge_pool_gradient *)descriptor)->window;
    const int8_t *gradient = in[0].data;
    int16_t *to = out;
    (void)y;
    (void)scratch;
    memset(to, 0, (size_t)(s->in_h * s->in_w * s->in_c) * sizeof *to);
    for (int32_t p = 0; p < s->out_h * s->out_w; p++) {
        for (int32_t c = 0; c < s->out_c; c++) {
            const int32_t at = winner(s, in[1].data, p / s->out_w, p % s->out_w, c);
            to[at] = (int16_t)(to[at] + *gradient++);
        }
    }
}
