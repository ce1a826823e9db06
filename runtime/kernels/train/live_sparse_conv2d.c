/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, whose weights are live blocks in RAM, with the mask of what was not clamped:
 *
 *     acc[p][oc] = bias[oc] + sum over live blocks of w * (x - in_zero_point); padding adds nothing
 *
 * Output channel by output channel, so that a block is found once for all positions. The mask is
 * in the order of the outputs, [p][oc]: its bits are cleared first. Scratch: int32[positions].
 *
 * Accumulator: |bias| + 255 * 128 * taps * in_c < 2^31 for every int8 weight, checked when the step
 * is made.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train_blocks.h"

static void add_block(int32_t *acc, const edge_span *at, const int8_t *x, const int8_t *w,
                      int32_t zero) {
    const int32_t w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3], less = zero * (w0 + w1 + w2 + w3);
    acc += at->out;
    x += at->in;
    for (int32_t row = 0; row < at->rows; row++, acc += at->out_row, x += at->in_row) {
        const int8_t *from = x;
        for (int32_t i = 0; i < at->columns; i++, from += at->in_step) {
            acc[i] += w0 * from[0] + w1 * from[1] + w2 * from[2] + w3 * from[3] - less;
        }
    }
}

static void store(const edge_live *layer, const int32_t *acc, int32_t oc, int8_t *to,
                  uint8_t *mask) {
    const edge_requantize *q = &layer->requantize;
    const int32_t channels = layer->window.out_c, k = oc * q->per_channel;
    const int32_t positions = layer->window.out_h * layer->window.out_w;
    const int32_t low = q->minimum - q->zero_point, high = q->maximum - q->zero_point;
    for (int32_t p = 0, at = oc; p < positions; p++, at += channels) {
        const int32_t scaled = edge_scale(acc[p], q->multiplier[k], q->shift[k], q->rounding);
        to[at] = (int8_t)(edge_clamp(scaled, low, high) + q->zero_point);
        if (mask != NULL && scaled >= low && scaled <= high) {
            mask[at >> 3] = (uint8_t)(mask[at >> 3] | 1u << (at & 7));
        }
    }
}

void edge_train_live_sparse_conv2d(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const edge_live *layer = descriptor;
    const edge_window *s = &layer->window;
    const int32_t taps = s->kernel_h * s->kernel_w, positions = s->out_h * s->out_w;
    const int32_t *bias = in[2].data;
    const int8_t *w = in[1].data, *x = in[0].data;
    const uint8_t *column = in[5].data, *count = in[6].data;
    uint8_t *mask = (uint8_t *)in[7].data;
    int32_t *acc = scratch;
    (void)y;
    if (mask != NULL) {
        memset(mask, 0, (size_t)(positions * s->out_c + 7) / 8);
    }
    for (int32_t oc = 0; oc < s->out_c; oc++) {
        for (int32_t p = 0; p < positions; p++) {
            acc[p] = bias[oc];
        }
        for (int32_t tap = 0; tap < taps; tap++, count++) {
            const edge_span span = edge_span_of(s, tap);
            for (int32_t n = *count; n > 0; n--, column++, w += EDGE_BLOCK) {
                add_block(acc, &span, x + EDGE_BLOCK * *column, w, layer->in_zero_point);
            }
        }
        store(layer, acc, oc, out, mask);
    }
}
