/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 gradient of one weight of a convolution.
 */
#ifndef EDGE_CORRELATE_F32_H
#define EDGE_CORRELATE_F32_H

#include "edge/train_f32.h"

/* sum over oy, ox of gradient[oy][ox] * (x[iy][ix] - in_zero_point) for one tap. */
static inline float edge_correlate_f32(const edge_update_weight *layer, const float *gradient,
                                       const int8_t *x, int32_t tap) {
    const edge_window *s = &layer->window;
    const int32_t down = tap / s->kernel_w * s->dilation_h - s->pad_top;
    const int32_t along = tap % s->kernel_w * s->dilation_w - s->pad_left;
    float sum = 0.0f;
    for (int32_t oy = 0; oy < s->out_h; oy++) {
        const int32_t iy = oy * s->stride_h + down;
        for (int32_t ox = 0; ox < s->out_w; ox++, gradient += s->out_c) {
            const int32_t ix = ox * s->stride_w + along;
            if (iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w) {
                sum += *gradient * (float)(x[(iy * s->in_w + ix) * s->in_c] - layer->in_zero_point);
            }
        }
    }
    return sum;
}

#endif
