/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row, one filter a channel, at least 8 channels and at
 * most 64 taps:
 *
 *     out[ox][c] = requantized bias[c] + sum over ky, kx of w[ky][kx][c] * x[iy][ix][c]
 *
 * Taps are taken in pairs, whose products fit int16 (2 * 128 * 127 < 2^15: no weight is -128), for
 * 16 channels at a time, or 8 where there are fewer. The last group ends at the last channel and
 * repeats outputs of the one before.
 *
 * Packing (edge.emit.packing.neon.pack_depthwise): weights [taps][channels], a tap of zeros behind
 * an odd number; requantize.bias as in scale.h.
 *
 * Scratch: a column of zero points, in_c bytes.
 */
#include "depthwise.h"
#include "edge/kernels.h"

#ifdef __ARM_NEON

enum { WIDE = 16, NARROW = 8 };

typedef struct {
    edge_neon_windows windows;
    int32_t pairs;
    edge_neon_scale scale;
    edge_neon_output output;
} work;

EDGE_NEON_INLINE void make_16(const work *w, int32_t pairs, int32_t c, int8_t *out, int32_t form) {
    const ptrdiff_t next = w->windows.layer->in_c;
    const int8_t *weights = (const int8_t *)w->windows.layer->weights + c;
    const edge_neon_scale scale = edge_neon_scale_at(&w->scale, c);
    edge_neon_16 sum = edge_neon_load_16(scale.bias);
    for (int32_t i = 0; i < pairs; i++, weights += 2 * next) {
        const int8x16_t x0 = vld1q_s8(w->windows.taps[2 * i] + c),
                        x1 = vld1q_s8(w->windows.taps[2 * i + 1] + c);
        const int8x16_t w0 = vld1q_s8(weights), w1 = vld1q_s8(weights + next);
        edge_neon_add_pair(&sum, x0, w0, x1, w1);
    }
    if (scale.shifted) {
        sum = edge_neon_shifted_16(sum, edge_neon_load_16(scale.left));
    }
    edge_neon_store_16(&w->output, sum, edge_neon_load_16(scale.multiplier),
                       edge_neon_load_16(scale.right), form, out + c);
}

static void make_8(const work *w, int32_t c, int8_t *out) {
    const ptrdiff_t next = w->windows.layer->in_c;
    const int8_t *weights = (const int8_t *)w->windows.layer->weights + c;
    const edge_neon_scale s0 = edge_neon_scale_at(&w->scale, c), s1 = edge_neon_scale_at(&s0, 4);
    int32x4_t a0 = vld1q_s32(s0.bias), a1 = vld1q_s32(s1.bias);
    for (int32_t i = 0; i < w->pairs; i++, weights += 2 * next) {
        const int16x8_t terms =
            edge_neon_products(vld1_s8(w->windows.taps[2 * i] + c), vld1_s8(weights),
                               vld1_s8(w->windows.taps[2 * i + 1] + c), vld1_s8(weights + next));
        a0 = edge_neon_add_low(a0, terms);
        a1 = edge_neon_add_high(a1, terms);
    }
    vst1_s8(out + c, edge_neon_output_8(&w->output, edge_neon_scaled(&s0, a0, s0.form),
                                        edge_neon_scaled(&s1, a1, s0.form)));
}

/* All channels of an output; a constant number of pairs lets the compiler unroll 3x3 kernels. */
EDGE_NEON_INLINE void make_groups(const work *w, int32_t pairs, int8_t *out, int32_t form) {
    const int32_t last = w->windows.layer->in_c - WIDE;
    for (int32_t c = 0; c < last; c += WIDE) {
        make_16(w, pairs, c, out, form);
    }
    make_16(w, pairs, last, out, form);
}

static void make_output(const work *w, int8_t *out) {
    if (w->windows.layer->in_c < WIDE) {
        make_8(w, 0, out);
        if (w->windows.layer->in_c > NARROW) {
            make_8(w, w->windows.layer->in_c - NARROW, out);
        }
    } else if (w->pairs == 5 && w->scale.form == EDGE_NEON_TWICE) {
        make_groups(w, 5, out, EDGE_NEON_TWICE);
    } else if (w->pairs == 5 && w->scale.form == EDGE_NEON_NEAREST) {
        make_groups(w, 5, out, EDGE_NEON_NEAREST);
    } else {
        make_groups(w, w->pairs, out, w->scale.form);
    }
}

void edge_neon_depthwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const edge_conv2d *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const int32_t taps = layer->kernel_h * layer->kernel_w;
    int8_t *to = out;
    work w;
    EDGE_ASSERT(layer->in_c >= NARROW);
    edge_neon_start_windows(&w.windows, layer, in, y, scratch);
    w.pairs = (taps + 1) / 2;
    w.scale = edge_neon_scale_of(q, layer->out_c);
    w.output = edge_neon_output_of(q->zero_point, q->minimum, q->maximum);
    if (taps & 1) {
        w.windows.taps[taps] = scratch;
    }
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->out_c) {
        edge_neon_next_window(&w.windows, in, y);
        make_output(&w, to);
    }
}

#endif
