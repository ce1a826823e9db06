/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of neon/multiply.h with SMMLA, which multiplies two pixels of 8 bytes with two
 * channels of 8 weights and adds the four sums: tiles of 4 pixels or 1 by 16 channels or 4. Sums
 * are exact in int32.
 *
 * Packing (edge.emit.packing.neon.pack_matrix): weights [channels / 16][steps][16][8] for whole
 * groups of 16 channels, then [rest / 4][steps][4][8]; the last group is filled up with zeros. A
 * step is 8 taps; where depth is no multiple of 8, the last step ends at the last tap, and the taps
 * that it repeats have the weight 0.
 */
#include "../neon/multiply.h"

#ifdef __ARM_FEATURE_MATMUL_INT8

enum { STEP = 8, WIDE = 16, NARROW = 4 };

/* Sums of two pixels and eight channels: of channels 0 and 1 first those of the one pixel, then
 * those of the other; and so on. */
typedef struct {
    int32x4_t s01, s23, s45, s67;
} block;

/* The same step of two pixels. */
EDGE_NEON_INLINE int8x16_t pair_at(const int8_t *first, const int8_t *second) {
    return vcombine_s8(vld1_s8(first), vld1_s8(second));
}

EDGE_NEON_INLINE void add_8(block *sum, int8x16_t x, const int8_t *w) {
    sum->s01 = vmmlaq_s32(sum->s01, x, vld1q_s8(w));
    sum->s23 = vmmlaq_s32(sum->s23, x, vld1q_s8(w + 16));
    sum->s45 = vmmlaq_s32(sum->s45, x, vld1q_s8(w + 32));
    sum->s67 = vmmlaq_s32(sum->s67, x, vld1q_s8(w + 48));
}

EDGE_NEON_INLINE int32x4_t first_of(int32x4_t a, int32x4_t b) {
    return vcombine_s32(vget_low_s32(a), vget_low_s32(b));
}

EDGE_NEON_INLINE int32x4_t second_of(int32x4_t a, int32x4_t b) {
    return vcombine_s32(vget_high_s32(a), vget_high_s32(b));
}

EDGE_NEON_INLINE edge_neon_16 first_pixel(block low, block high) {
    const edge_neon_16 sums = {first_of(low.s01, low.s23), first_of(low.s45, low.s67),
                               first_of(high.s01, high.s23), first_of(high.s45, high.s67)};
    return sums;
}

EDGE_NEON_INLINE edge_neon_16 second_pixel(block low, block high) {
    const edge_neon_16 sums = {second_of(low.s01, low.s23), second_of(low.s45, low.s67),
                               second_of(high.s01, high.s23), second_of(high.s45, high.s67)};
    return sums;
}

/* Both pixels start from the biases. */
EDGE_NEON_INLINE block start(const int32_t *bias) {
    const int32x4_t low = vld1q_s32(bias), high = vld1q_s32(bias + 4);
    const block sums = {first_of(low, low), second_of(low, low), first_of(high, high),
                        second_of(high, high)};
    return sums;
}

EDGE_NEON_INLINE void store_16(const edge_neon_product *product, const edge_neon_scale *scale,
                               edge_neon_16 sums, int8_t *out, int32_t form) {
    if (scale->shifted) {
        sums = edge_neon_shifted_16(sums, edge_neon_load_16(scale->left));
    }
    edge_neon_store_16(&product->output, sums, edge_neon_load_16(scale->multiplier),
                       edge_neon_load_16(scale->right), form, out);
}

EDGE_NEON_INLINE void store_4x16(const edge_neon_product *product, const edge_neon_scale *scale,
                                 block a, block b, block c, block d, int8_t *out, int32_t form) {
    const ptrdiff_t next = product->channels;
    store_16(product, scale, first_pixel(a, b), out, form);
    store_16(product, scale, second_pixel(a, b), out + next, form);
    store_16(product, scale, first_pixel(c, d), out + 2 * next, form);
    store_16(product, scale, second_pixel(c, d), out + 3 * next, form);
}

static void tile_4x16(const edge_neon_product *product, const int8_t *w, int32_t channel) {
    const int8_t *in = product->in;
    const int32_t depth = product->depth;
    const ptrdiff_t pitch = product->pitch;
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    int8_t *out = product->out + channel;
    /* a, b: pixels 0 and 1, the first eight channels and the others; c, d: pixels 2 and 3. */
    block a = start(scale.bias), b = start(scale.bias + 8), c = a, d = b;
    int32_t k = 0;
    for (; k + 2 * STEP <= depth; k += 2 * STEP, w += 2 * STEP * WIDE) {
        const int64x2_t x0 = vreinterpretq_s64_s8(vld1q_s8(in + k));
        const int64x2_t x1 = vreinterpretq_s64_s8(vld1q_s8(in + pitch + k));
        const int64x2_t x2 = vreinterpretq_s64_s8(vld1q_s8(in + 2 * pitch + k));
        const int64x2_t x3 = vreinterpretq_s64_s8(vld1q_s8(in + 3 * pitch + k));
        const int8x16_t p01 = vreinterpretq_s8_s64(vzip1q_s64(x0, x1));
        const int8x16_t p23 = vreinterpretq_s8_s64(vzip1q_s64(x2, x3));
        const int8x16_t q01 = vreinterpretq_s8_s64(vzip2q_s64(x0, x1));
        const int8x16_t q23 = vreinterpretq_s8_s64(vzip2q_s64(x2, x3));
        add_8(&a, p01, w);
        add_8(&c, p23, w);
        add_8(&b, p01, w + 64);
        add_8(&d, p23, w + 64);
        add_8(&a, q01, w + 128);
        add_8(&c, q23, w + 128);
        add_8(&b, q01, w + 192);
        add_8(&d, q23, w + 192);
    }
    for (; k < depth; k += STEP, w += STEP * WIDE) {
        const int8_t *x = in + (k + STEP <= depth ? k : depth - STEP);
        const int8x16_t p01 = pair_at(x, x + pitch);
        const int8x16_t p23 = pair_at(x + 2 * pitch, x + 3 * pitch);
        add_8(&a, p01, w);
        add_8(&c, p23, w);
        add_8(&b, p01, w + 64);
        add_8(&d, p23, w + 64);
    }
    if (scale.form == EDGE_NEON_TWICE) {
        store_4x16(product, &scale, a, b, c, d, out, EDGE_NEON_TWICE);
    } else if (scale.form == EDGE_NEON_NEAREST) {
        store_4x16(product, &scale, a, b, c, d, out, EDGE_NEON_NEAREST);
    } else {
        store_4x16(product, &scale, a, b, c, d, out, EDGE_NEON_FLOOR);
    }
}

static void tile_1x16(const edge_neon_product *product, const int8_t *w, int32_t channel) {
    const int32_t depth = product->depth;
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    block a = start(scale.bias), b = start(scale.bias + 8);
    for (int32_t k = 0; k < depth; k += STEP, w += STEP * WIDE) {
        const int8_t *x = product->in + (k + STEP <= depth ? k : depth - STEP);
        const int8x16_t twice = pair_at(x, x);
        add_8(&a, twice, w);
        add_8(&b, twice, w + 64);
    }
    store_16(product, &scale, first_pixel(a, b), product->out + channel, scale.form);
}

/* Two pixels, which may be the same, and four channels, not all of which need be stored. */
static void tile_2x4(const edge_neon_product *product, const int8_t *w, int32_t channel,
                     ptrdiff_t first, ptrdiff_t second) {
    const int32_t depth = product->depth, left = product->channels - channel;
    const int32_t count = left < NARROW ? left : NARROW;
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    const int32x4_t bias = vld1q_s32(scale.bias);
    int8_t *out = product->out + channel;
    int32x4_t s01 = first_of(bias, bias), s23 = second_of(bias, bias);
    for (int32_t k = 0; k < depth; k += STEP, w += STEP * NARROW) {
        const int8_t *x = product->in + (k + STEP <= depth ? k : depth - STEP);
        const int8x16_t pair = pair_at(x + first * product->pitch, x + second * product->pitch);
        s01 = vmmlaq_s32(s01, pair, vld1q_s8(w));
        s23 = vmmlaq_s32(s23, pair, vld1q_s8(w + 16));
    }
    const int32x4_t a = edge_neon_scaled(&scale, first_of(s01, s23), scale.form);
    const int32x4_t b = edge_neon_scaled(&scale, second_of(s01, s23), scale.form);
    edge_neon_store_pair(edge_neon_output_8(&product->output, a, b), count,
                         out + first * product->channels, out + second * product->channels);
}

void edge_neoni8mm_multiply(const edge_neon_product *product, int32_t pixels) {
    const int32_t taps = (product->depth + STEP - 1) / STEP * STEP;
    const int8_t *w = product->weights;
    int32_t channel = 0;
    for (; channel + WIDE <= product->channels; channel += WIDE, w += taps * WIDE) {
        (pixels == EDGE_NEON_PIXELS ? tile_4x16 : tile_1x16)(product, w, channel);
    }
    for (; channel < product->channels; channel += NARROW, w += taps * NARROW) {
        tile_2x4(product, w, channel, 0, pixels > 1 ? 1 : 0);
        if (pixels > 2) {
            tile_2x4(product, w, channel, 2, 3);
        }
    }
}

#endif
