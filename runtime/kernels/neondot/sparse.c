/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse products with SDOT: the weights of a block are loaded once for 16 pixels, or for 4.
 */
#include "sparse.h"

#ifdef __ARM_FEATURE_DOTPROD

enum { TAPS = 4, CHANNELS = 4, VECTOR = EDGE_NEON_VECTOR };

/* Four channels of four pixels. */
typedef struct {
    int32x4_t p0, p1, p2, p3;
} quad;

typedef struct {
    const int8_t *p0, *p1, *p2, *p3;
} inputs;

EDGE_NEON_INLINE int32x4_t words(const int8_t *from) {
    return vreinterpretq_s32_s8(vld1q_s8(from));
}

EDGE_NEON_INLINE void store_words(int8_t *to, int64x2_t value) {
    vst1q_s8(to, vreinterpretq_s8_s64(value));
}

/* 16 taps of four pixels; `step` bytes from four taps to the next ones. */
EDGE_NEON_INLINE void weave(int8_t *to, ptrdiff_t step, int32x4_t a, int32x4_t b, int32x4_t c,
                            int32x4_t d) {
    const int64x2_t ab_low = vreinterpretq_s64_s32(vzip1q_s32(a, b));
    const int64x2_t ab_high = vreinterpretq_s64_s32(vzip2q_s32(a, b));
    const int64x2_t cd_low = vreinterpretq_s64_s32(vzip1q_s32(c, d));
    const int64x2_t cd_high = vreinterpretq_s64_s32(vzip2q_s32(c, d));
    store_words(to, vzip1q_s64(ab_low, cd_low));
    store_words(to + step, vzip2q_s64(ab_low, cd_low));
    store_words(to + 2 * step, vzip1q_s64(ab_high, cd_high));
    store_words(to + 3 * step, vzip2q_s64(ab_high, cd_high));
}

static void append_quad(int8_t *to, ptrdiff_t step, const inputs *in, int32_t depth) {
    int32_t k = 0;
    for (; k + VECTOR <= depth; k += VECTOR, to += 4 * step) {
        weave(to, step, words(in->p0 + k), words(in->p1 + k), words(in->p2 + k), words(in->p3 + k));
    }
    for (; k < depth; k += TAPS, to += step) {
        edge_neon_store_word(to, edge_neon_load_word(in->p0 + k));
        edge_neon_store_word(to + 4, edge_neon_load_word(in->p1 + k));
        edge_neon_store_word(to + 8, edge_neon_load_word(in->p2 + k));
        edge_neon_store_word(to + 12, edge_neon_load_word(in->p3 + k));
    }
}

static int8_t *append(int8_t *strip, const edge_neon_run *run) {
    const int32_t quads = run->pixels == EDGE_NEON_STRIP ? EDGE_NEON_STRIP / EDGE_NEON_QUAD : 1;
    for (int32_t i = 0; i < quads; i++) {
        const int32_t p = EDGE_NEON_QUAD * i;
        const inputs in = {edge_neon_pixel(run, p), edge_neon_pixel(run, p + 1),
                           edge_neon_pixel(run, p + 2), edge_neon_pixel(run, p + 3)};
        append_quad(strip + VECTOR * i, (ptrdiff_t)VECTOR * quads, &in, run->bytes);
    }
    return strip + (ptrdiff_t)EDGE_NEON_QUAD * quads * run->bytes;
}

EDGE_NEON_INLINE quad started(int32x4_t bias) {
    const quad q = {bias, bias, bias, bias};
    return q;
}

#define DOT_QUAD(q, x)                                                                             \
    do {                                                                                           \
        q.p0 = vdotq_laneq_s32(q.p0, w, x, 0);                                                     \
        q.p1 = vdotq_laneq_s32(q.p1, w, x, 1);                                                     \
        q.p2 = vdotq_laneq_s32(q.p2, w, x, 2);                                                     \
        q.p3 = vdotq_laneq_s32(q.p3, w, x, 3);                                                     \
    } while (0)

/* The next block of four quads. */
#define DOT_16                                                                                     \
    do {                                                                                           \
        const int8x16_t w = vld1q_s8(weights);                                                     \
        const int8x16x4_t x = vld1q_s8_x4(strip + edge_neon_half(place));                          \
        DOT_QUAD(a, x.val[0]);                                                                     \
        DOT_QUAD(b, x.val[1]);                                                                     \
        DOT_QUAD(c, x.val[2]);                                                                     \
        DOT_QUAD(d, x.val[3]);                                                                     \
    } while (0)

/* Four pixels, a word of channels each. */
EDGE_NEON_INLINE int8x16_t bytes_of(const edge_neon_output *output, edge_neon_factors by, quad q,
                                    int32_t form) {
    return vcombine_s8(edge_neon_scaled_pair(output, by, q.p0, q.p1, form),
                       edge_neon_scaled_pair(output, by, q.p2, q.p3, form));
}

EDGE_NEON_INLINE quad shifted(quad q, int32x4_t left) {
    const quad by = {vqshlq_s32(q.p0, left), vqshlq_s32(q.p1, left), vqshlq_s32(q.p2, left),
                     vqshlq_s32(q.p3, left)};
    return by;
}

/* Of 16 pixels, with a constant form. */
EDGE_NEON_INLINE void store_16(const edge_neon_product *product, edge_neon_factors by, quad a,
                               quad b, quad c, quad d, int8_t *out, int32_t form) {
    const edge_neon_output output = product->output;
    const ptrdiff_t next = product->channels;
    edge_neon_store_quad(bytes_of(&output, by, a, form), out, next, EDGE_NEON_QUAD);
    edge_neon_store_quad(bytes_of(&output, by, b, form), out + 4 * next, next, EDGE_NEON_QUAD);
    edge_neon_store_quad(bytes_of(&output, by, c, form), out + 8 * next, next, EDGE_NEON_QUAD);
    edge_neon_store_quad(bytes_of(&output, by, d, form), out + 12 * next, next, EDGE_NEON_QUAD);
}

EDGE_NEON_INLINE edge_neon_factors factors_of(const edge_neon_scale *scale) {
    const edge_neon_factors by = {vld1q_s32(scale->multiplier), vld1q_s32(scale->right)};
    return by;
}

/* Four channels of 16 pixels; returns what follows their weights. */
EDGE_NEON_INLINE const int8_t *tile_16(const edge_neon_product *product, const int8_t *stream,
                                       const int8_t *strip, int32_t channel) {
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    const edge_neon_factors by = factors_of(&scale);
    const int8_t *place = stream + 2, *weights = place + 2 * edge_neon_half(stream);
    const int8_t *const end = weights;
    int8_t *out = product->out + channel;
    quad a = started(vld1q_s32(scale.bias)), b = a, c = a, d = a;
#ifdef __clang__ /* gcc would copy the sums for it */
#pragma clang loop unroll_count(2)
#endif
    for (; place != end; place += 2, weights += VECTOR) {
        DOT_16;
    }
    if (scale.shifted) {
        const int32x4_t left = vld1q_s32(scale.left);
        a = shifted(a, left);
        b = shifted(b, left);
        c = shifted(c, left);
        d = shifted(d, left);
    }
    if (scale.form == EDGE_NEON_TWICE) {
        store_16(product, by, a, b, c, d, out, EDGE_NEON_TWICE);
    } else if (scale.form == EDGE_NEON_NEAREST) {
        store_16(product, by, a, b, c, d, out, EDGE_NEON_NEAREST);
    } else {
        store_16(product, by, a, b, c, d, out, EDGE_NEON_FLOOR);
    }
    return weights;
}

/* The same of up to four pixels. */
static const int8_t *tile_4(const edge_neon_product *product, const int8_t *stream,
                            const int8_t *strip, int32_t channel, int32_t pixels) {
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    const int8_t *place = stream + 2, *weights = place + 2 * edge_neon_half(stream);
    const int8_t *const end = weights;
    quad a = started(vld1q_s32(scale.bias));
    for (; place != end; place += 2, weights += VECTOR) {
        const int8x16_t w = vld1q_s8(weights);
        const int8x16_t x = vld1q_s8(strip + (edge_neon_half(place) >> 2));
        DOT_QUAD(a, x);
    }
    if (scale.shifted) {
        a = shifted(a, vld1q_s32(scale.left));
    }
    const int8x16_t stored = bytes_of(&product->output, factors_of(&scale), a, scale.form);
    edge_neon_store_quad(stored, product->out + channel, product->channels, pixels);
    return weights;
}

/* The copy cannot be what stores of bytes change. */
static void make_16(const edge_neon_product *given) {
    const edge_neon_product product = *given;
    const int8_t *stream = product.weights, *strip = product.in;
    for (int32_t channel = 0; channel < product.channels; channel += CHANNELS) {
        stream = tile_16(&product, stream, strip, channel);
    }
}

static void make_4(const edge_neon_product *product, int32_t pixels) {
    const int8_t *stream = product->weights;
    for (int32_t channel = 0; channel < product->channels; channel += CHANNELS) {
        stream = tile_4(product, stream, product->in, channel, pixels);
    }
}

static void multiply(const edge_neon_product *product, int32_t pixels) {
    if (pixels == EDGE_NEON_STRIP) {
        make_16(product);
    } else {
        make_4(product, pixels);
    }
}

const edge_neon_sparse edge_neondot_sparse = {append, multiply};

#endif
