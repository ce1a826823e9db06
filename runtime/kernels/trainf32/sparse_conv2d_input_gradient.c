/* SPDX-License-Identifier: Apache-2.0
 *
 * trainf32/conv2d_input_gradient for a weight of live blocks. For each input position the blocks of
 * a filter are passed over tap by tap, so a tap finds its blocks from where the filter's begin.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train_blocks.h"
#include "edge/train_f32.h"

static void add_block(float *to, float factor, const int8_t *w) {
    for (int32_t i = 0; i < EDGE_BLOCK; i++) {
        to[i] += factor * (float)w[i];
    }
}

/* Adds what output position `gradient` sends through one tap. */
static void add_tap(float *to, const edge_window *s, const float *gradient, const edge_rows *in,
                    int32_t tap) {
    const int32_t taps = s->kernel_h * s->kernel_w;
    const int8_t *w = in[2].data;
    const uint8_t *column = in[3].data, *count = in[4].data;
    for (int32_t oc = 0; oc < s->out_c; oc++) {
        for (int32_t k = 0; k < taps; k++, count++) {
            for (int32_t i = 0; k == tap && gradient[oc] != 0.0f && i < *count; i++) {
                add_block(to + EDGE_BLOCK * column[i], gradient[oc], w + EDGE_BLOCK * i);
            }
            column += *count;
            w += EDGE_BLOCK * *count;
        }
    }
}

void edge_trainf32_sparse_conv2d_input_gradient(const void *descriptor, const edge_rows *in,
                                                int32_t y, void *out, void *scratch) {
    const edge_window *s = descriptor;
    const float *gradient = in[0].data;
    float *to = out;
    (void)y;
    (void)scratch;
    memset(to, 0, (size_t)(s->in_h * s->in_w * s->in_c) * sizeof *to);
    for (int32_t p = 0; p < s->in_h * s->in_w; p++, to += s->in_c) {
        const int32_t iy = p / s->in_w, ix = p % s->in_w;
        for (int32_t tap = 0; tap < s->kernel_h * s->kernel_w; tap++) {
            const int32_t oy = edge_reached(iy, s->pad_top, tap / s->kernel_w, s->dilation_h,
                                            s->stride_h, s->out_h);
            const int32_t ox = edge_reached(ix, s->pad_left, tap % s->kernel_w, s->dilation_w,
                                            s->stride_w, s->out_w);
            if (oy >= 0 && ox >= 0) {
                add_tap(to, s, gradient + (oy * s->out_w + ox) * s->out_c, in, tap);
            }
        }
    }
}
