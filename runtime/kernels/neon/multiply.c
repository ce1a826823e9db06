/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of multiply.h with the instructions that every NEON has: two products of bytes are
 * added as int16 (2 * 128 * 127 < 2^15: no weight is -128), pairs of them as int32. Tiles of 4
 * channels by as many pixels as leave all sums in registers.
 *
 * Packing (edge.emit.packing.neon.pack_wide): for each 4 channels, the last ones filled up with
 * zeros, [depth / 16][4][16] taps; if at least 8 taps are left over, [4][8]; if some remain, the
 * last 8 taps, [4][8], those that were there before with the weight 0.
 */
#include "multiply.h"

#ifdef __ARM_NEON

enum { WIDE = 16, NARROW = 8, CHANNELS = 4 };

/* The sums of four channels, each the sum of four lanes. */
typedef struct {
    int32x4_t c0, c1, c2, c3;
} sums;

EDGE_NEON_INLINE int32x4_t dot_16(int32x4_t sum, int8x16_t x, const int8_t *w) {
    const int8x16_t taps = vld1q_s8(w);
    const int16x8_t first = vmull_s8(vget_low_s8(x), vget_low_s8(taps));
#ifdef __aarch64__
    return vpadalq_s16(sum, vmlal_high_s8(first, x, taps));
#else
    return vpadalq_s16(sum, vmlal_s8(first, vget_high_s8(x), vget_high_s8(taps)));
#endif
}

EDGE_NEON_INLINE int32x4_t dot_8(int32x4_t sum, int8x8_t x, const int8_t *w) {
    return vpadalq_s16(sum, vmull_s8(x, vld1_s8(w)));
}

EDGE_NEON_INLINE void add_16(sums *s, const int8_t *in, const int8_t *w) {
    const int8x16_t x = vld1q_s8(in);
    s->c0 = dot_16(s->c0, x, w);
    s->c1 = dot_16(s->c1, x, w + WIDE);
    s->c2 = dot_16(s->c2, x, w + 2 * WIDE);
    s->c3 = dot_16(s->c3, x, w + 3 * WIDE);
}

EDGE_NEON_INLINE void add_8(sums *s, const int8_t *in, const int8_t *w) {
    const int8x8_t x = vld1_s8(in);
    s->c0 = dot_8(s->c0, x, w);
    s->c1 = dot_8(s->c1, x, w + NARROW);
    s->c2 = dot_8(s->c2, x, w + 2 * NARROW);
    s->c3 = dot_8(s->c3, x, w + 3 * NARROW);
}

EDGE_NEON_INLINE int32x4_t added_lanes(const sums *s) {
#ifdef __aarch64__
    return vpaddq_s32(vpaddq_s32(s->c0, s->c1), vpaddq_s32(s->c2, s->c3));
#else
    const int32x2_t c0 = vadd_s32(vget_low_s32(s->c0), vget_high_s32(s->c0));
    const int32x2_t c1 = vadd_s32(vget_low_s32(s->c1), vget_high_s32(s->c1));
    const int32x2_t c2 = vadd_s32(vget_low_s32(s->c2), vget_high_s32(s->c2));
    const int32x2_t c3 = vadd_s32(vget_low_s32(s->c3), vget_high_s32(s->c3));
    return vcombine_s32(vpadd_s32(c0, c1), vpadd_s32(c2, c3));
#endif
}

/* The outputs of two pixels: their sums scaled, four bytes each, `count` of which are stored. */
EDGE_NEON_INLINE void store(const edge_neon_product *product, const edge_neon_scale *scale,
                            const sums *a, const sums *b, int32_t count, int8_t *first,
                            int8_t *second) {
    const int32x4_t bias = vld1q_s32(scale->bias);
    const int32x4_t low = edge_neon_scaled(scale, vaddq_s32(added_lanes(a), bias), scale->form);
    const int32x4_t high = edge_neon_scaled(scale, vaddq_s32(added_lanes(b), bias), scale->form);
    edge_neon_store_pair(edge_neon_output_8(&product->output, low, high), count, first, second);
}

/* `pixels` is a constant: 4, 2 or 1. */
EDGE_NEON_INLINE void tile(const edge_neon_product *product, const int8_t *w, int32_t channel,
                           int32_t pixel, int32_t pixels) {
    const ptrdiff_t pitch = product->pitch, next = product->channels;
    const int8_t *in = product->in + pixel * pitch;
    const int32_t depth = product->depth, left = product->channels - channel;
    const int32_t count = left < CHANNELS ? left : CHANNELS;
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    const int32x4_t zero = vdupq_n_s32(0);
    sums a = {zero, zero, zero, zero}, b = a, c = a, d = a;
    int8_t *out = product->out + pixel * next + channel;
#define ADD(add, at)                                                                               \
    do {                                                                                           \
        add(&a, in + (at), w);                                                                     \
        if (pixels > 1) {                                                                          \
            add(&b, in + pitch + (at), w);                                                         \
        }                                                                                          \
        if (pixels > 2) {                                                                          \
            add(&c, in + 2 * pitch + (at), w);                                                     \
            add(&d, in + 3 * pitch + (at), w);                                                     \
        }                                                                                          \
    } while (0)
    int32_t k = 0;
    for (; k + WIDE <= depth; k += WIDE, w += WIDE * CHANNELS) {
        ADD(add_16, k);
    }
    if (k + NARROW <= depth) {
        ADD(add_8, k);
        k += NARROW;
        w += NARROW * CHANNELS;
    }
    if (k < depth) {
        ADD(add_8, depth - NARROW);
    }
#undef ADD
    if (pixels == 1) {
        store(product, &scale, &a, &a, count, out, out);
    } else {
        store(product, &scale, &a, &b, count, out, out + next);
    }
    if (pixels > 2) {
        store(product, &scale, &c, &d, count, out + 2 * next, out + 3 * next);
    }
}

#ifdef __aarch64__
static void tile_of_4(const edge_neon_product *product, const int8_t *w, int32_t channel) {
    tile(product, w, channel, 0, 4);
}
#else
/* Sixteen registers hold the sums of two pixels. */
static void tile_of_4(const edge_neon_product *product, const int8_t *w, int32_t channel) {
    for (int32_t pixel = 0; pixel < 4; pixel += 2) {
        tile(product, w, channel, pixel, 2);
    }
}
#endif

static void tile_of_1(const edge_neon_product *product, const int8_t *w, int32_t channel) {
    tile(product, w, channel, 0, 1);
}

void edge_neon_multiply(const edge_neon_product *product, int32_t pixels) {
    const int32_t taps = (product->depth + NARROW - 1) / NARROW * NARROW;
    const int8_t *w = product->weights;
    for (int32_t channel = 0; channel < product->channels; channel += CHANNELS) {
        (pixels == EDGE_NEON_PIXELS ? tile_of_4 : tile_of_1)(product, w, channel);
        w += taps * CHANNELS;
    }
}

#endif
