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
#include "edge/kernels.h"
#include "edge/memory.h"
#include "scale.h"

#ifdef __ARM_NEON

enum { MAX_TAPS = 64, WIDE = 16, NARROW = 8 };

typedef struct {
    const edge_conv2d *layer;
    const int8_t *taps[MAX_TAPS]; /* where each tap of an output finds its channels */
    const int8_t *padding;
    int32_t pairs;
    edge_neon_scale scale;
    edge_neon_output output;
} work;

/* Two taps of eight channels. */
EDGE_NEON_INLINE int16x8_t products(int8x8_t x0, int8x8_t w0, int8x8_t x1, int8x8_t w1) {
    return vmlal_s8(vmull_s8(x0, w0), x1, w1);
}

EDGE_NEON_INLINE int32x4_t add_low(int32x4_t sum, int16x8_t terms) {
    return vaddw_s16(sum, vget_low_s16(terms));
}

EDGE_NEON_INLINE int32x4_t add_high(int32x4_t sum, int16x8_t terms) {
#ifdef __aarch64__
    return vaddw_high_s16(sum, terms);
#else
    return vaddw_s16(sum, vget_high_s16(terms));
#endif
}

EDGE_NEON_INLINE void make_16(const work *w, int32_t pairs, int32_t c, int8_t *out, int32_t form) {
    const ptrdiff_t next = w->layer->in_c;
    const int8_t *weights = (const int8_t *)w->layer->weights + c;
    const edge_neon_scale scale = edge_neon_scale_at(&w->scale, c);
    edge_neon_16 sum = edge_neon_load_16(scale.bias);
    for (int32_t i = 0; i < pairs; i++, weights += 2 * next) {
        const int8x16_t x0 = vld1q_s8(w->taps[2 * i] + c), x1 = vld1q_s8(w->taps[2 * i + 1] + c);
        const int8x16_t w0 = vld1q_s8(weights), w1 = vld1q_s8(weights + next);
        const int16x8_t low =
            products(vget_low_s8(x0), vget_low_s8(w0), vget_low_s8(x1), vget_low_s8(w1));
        const int16x8_t high =
            products(vget_high_s8(x0), vget_high_s8(w0), vget_high_s8(x1), vget_high_s8(w1));
        sum.v0 = add_low(sum.v0, low);
        sum.v1 = add_high(sum.v1, low);
        sum.v2 = add_low(sum.v2, high);
        sum.v3 = add_high(sum.v3, high);
    }
    if (scale.shifted) {
        sum = edge_neon_shifted_16(sum, edge_neon_load_16(scale.left));
    }
    edge_neon_store_16(&w->output, sum, edge_neon_load_16(scale.multiplier),
                       edge_neon_load_16(scale.right), form, out + c);
}

static void make_8(const work *w, int32_t c, int8_t *out) {
    const ptrdiff_t next = w->layer->in_c;
    const int8_t *weights = (const int8_t *)w->layer->weights + c;
    const edge_neon_scale s0 = edge_neon_scale_at(&w->scale, c), s1 = edge_neon_scale_at(&s0, 4);
    int32x4_t a0 = vld1q_s32(s0.bias), a1 = vld1q_s32(s1.bias);
    for (int32_t i = 0; i < w->pairs; i++, weights += 2 * next) {
        const int16x8_t terms = products(vld1_s8(w->taps[2 * i] + c), vld1_s8(weights),
                                         vld1_s8(w->taps[2 * i + 1] + c), vld1_s8(weights + next));
        a0 = add_low(a0, terms);
        a1 = add_high(a1, terms);
    }
    vst1_s8(out + c, edge_neon_output_8(&w->output, edge_neon_scaled(&s0, a0, s0.form),
                                        edge_neon_scaled(&s1, a1, s0.form)));
}

/* All channels of an output; a constant number of pairs lets the compiler unroll 3x3 kernels. */
EDGE_NEON_INLINE void make_groups(const work *w, int32_t pairs, int8_t *out, int32_t form) {
    const int32_t last = w->layer->in_c - WIDE;
    for (int32_t c = 0; c < last; c += WIDE) {
        make_16(w, pairs, c, out, form);
    }
    make_16(w, pairs, last, out, form);
}

static void make_output(const work *w, int8_t *out) {
    if (w->layer->in_c < WIDE) {
        make_8(w, 0, out);
        if (w->layer->in_c > NARROW) {
            make_8(w, w->layer->in_c - NARROW, out);
        }
    } else if (w->pairs == 5 && w->scale.form == EDGE_NEON_TWICE) {
        make_groups(w, 5, out, EDGE_NEON_TWICE);
    } else if (w->pairs == 5 && w->scale.form == EDGE_NEON_NEAREST) {
        make_groups(w, 5, out, EDGE_NEON_NEAREST);
    } else {
        make_groups(w, w->pairs, out, w->scale.form);
    }
}

static void find_taps(work *w, const edge_rows *in, int32_t y, int32_t first) {
    const edge_conv2d *layer = w->layer;
    const int8_t **tap = w->taps;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h) {
        const int8_t *row = edge_row(in, iy);
        int32_t ix = first;
        for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w) {
            const int inside = row != NULL && ix >= 0 && ix < layer->in_w;
            *tap++ = inside ? row + ix * layer->in_c : w->padding;
        }
    }
}

/* From an output whose taps are all inside to the next one, where that holds as well. */
static void advance_taps(work *w, int32_t taps) {
    const ptrdiff_t step = w->layer->stride_w * w->layer->in_c;
    for (int32_t i = 0; i < taps; i++) {
        w->taps[i] += step;
    }
}

/* Whether no row of the window is padding. */
static int has_all_rows(const edge_conv2d *layer, const edge_rows *in, int32_t y) {
    const int32_t iy = y * layer->stride_h - layer->pad_top;
    return iy >= 0 && iy + (layer->kernel_h - 1) * layer->dilation_h < in->rows;
}

void edge_neon_depthwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const edge_conv2d *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const int32_t taps = layer->kernel_h * layer->kernel_w;
    int8_t *to = out;
    work w;
    EDGE_ASSERT(layer->in_c == layer->out_c && layer->in_c >= NARROW && taps <= MAX_TAPS);
    w.layer = layer;
    w.padding = scratch;
    w.pairs = (taps + 1) / 2;
    w.scale = edge_neon_scale_of(q, layer->out_c);
    w.output = edge_neon_output_of(q->zero_point, q->minimum, q->maximum);
    memset(scratch, layer->in_zero_point, (size_t)layer->in_c);
    if (taps & 1) {
        w.taps[taps] = scratch;
    }
    const int32_t span = (layer->kernel_w - 1) * layer->dilation_w + 1;
    const int movable = has_all_rows(layer, in, y);
    int32_t first = -layer->pad_left, before = -1;
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->out_c) {
        if (movable && before >= 0 && first + span <= layer->in_w) {
            advance_taps(&w, taps);
        } else {
            find_taps(&w, in, y, first);
        }
        make_output(&w, to);
        before = first;
        first += layer->stride_w;
    }
}

#endif
