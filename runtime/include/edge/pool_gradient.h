/* SPDX-License-Identifier: Apache-2.0
 *
 * What gradients of pools of every arithmetic share.
 */
#ifndef EDGE_POOL_GRADIENT_H
#define EDGE_POOL_GRADIENT_H

#include "edge/train.h"

static inline int32_t edge_pool_inside(int32_t start, int32_t kernel, int32_t size) {
    const int32_t low = start > 0 ? start : 0;
    const int32_t high = start + kernel < size ? start + kernel : size;
    return high - low;
}

/* Which share an average pool's window has: that of its count, or the only one. */
static inline int32_t edge_pool_share(const edge_pool_gradient *layer, int32_t oy, int32_t ox) {
    const edge_window *s = &layer->window;
    if (!layer->per_count) {
        return 0;
    }
    return edge_pool_inside(oy * s->stride_h - s->pad_top, s->kernel_h, s->in_h) *
               edge_pool_inside(ox * s->stride_w - s->pad_left, s->kernel_w, s->in_w) -
           1;
}

/* Index into the input of a max pool's first largest position of a window, in reading order. */
static inline int32_t edge_pool_winner(const edge_window *s, const int8_t *x, int32_t oy,
                                       int32_t ox, int32_t c) {
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

#endif
