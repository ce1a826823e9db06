/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse products: see sparse.h. The weights of a block are loaded once for 16 pixels, or for 4.
 */
#include "sparse.h"

#ifdef __ARM_FEATURE_DOTPROD

enum { TAPS = 4, CHANNELS = 4, QUAD = 4, VECTOR = 16 };

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

static void build_quad(int8_t *to, ptrdiff_t step, const inputs *in, int32_t depth) {
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

static const int8_t *pixel_at(const edge_neondot_run *run, int32_t pixel) {
    return run->in + (ptrdiff_t)(pixel < run->pixels ? pixel : run->pixels - 1) * run->pitch;
}

int8_t *edge_neondot_strip(int8_t *strip, const edge_neondot_run *run) {
    const int32_t quads = run->pixels == EDGE_NEONDOT_STRIP ? EDGE_NEONDOT_STRIP / QUAD : 1;
    for (int32_t i = 0; i < quads; i++) {
        const int32_t p = QUAD * i;
        const inputs in = {pixel_at(run, p), pixel_at(run, p + 1), pixel_at(run, p + 2),
                           pixel_at(run, p + 3)};
        build_quad(strip + VECTOR * i, (ptrdiff_t)VECTOR * quads, &in, run->bytes);
    }
    return strip + (ptrdiff_t)QUAD * quads * run->bytes;
}

EDGE_NEON_INLINE ptrdiff_t half_at(const int8_t *from) {
    uint16_t half;
    __builtin_memcpy(&half, from, sizeof half);
    return half;
}

EDGE_NEON_INLINE quad started(int32x4_t bias) {
    const quad q = {bias, bias, bias, bias};
    return q;
}

#define DOT_QUAD(q, at)                                                                            \
    do {                                                                                           \
        const int8x16_t x = vld1q_s8(at);                                                          \
        q.p0 = vdotq_laneq_s32(q.p0, w, x, 0);                                                     \
        q.p1 = vdotq_laneq_s32(q.p1, w, x, 1);                                                     \
        q.p2 = vdotq_laneq_s32(q.p2, w, x, 2);                                                     \
        q.p3 = vdotq_laneq_s32(q.p3, w, x, 3);                                                     \
    } while (0)

/* The next block of four quads. */
#define DOT_16                                                                                     \
    do {                                                                                           \
        const int8x16_t w = vld1q_s8(weights);                                                     \
        const int8_t *at = strip + half_at(place);                                                 \
        DOT_QUAD(a, at);                                                                           \
        DOT_QUAD(b, at + 16);                                                                      \
        DOT_QUAD(c, at + 32);                                                                      \
        DOT_QUAD(d, at + 48);                                                                      \
    } while (0)

/* The constants of four channels. */
typedef struct {
    int32x4_t multiplier, right;
} factors;

EDGE_NEON_INLINE int8x8_t pair_of(const edge_neon_output *output, factors by, int32x4_t a,
                                  int32x4_t b, int32_t form) {
    return edge_neon_narrow(output, edge_neon_scaled_by(a, by.multiplier, by.right, form),
                            edge_neon_scaled_by(b, by.multiplier, by.right, form));
}

/* Four pixels as one word each. */
EDGE_NEON_INLINE int32x4_t words_of(const edge_neon_output *output, factors by, quad q,
                                    int32_t form) {
    const int8x16_t stored =
        vcombine_s8(pair_of(output, by, q.p0, q.p1, form), pair_of(output, by, q.p2, q.p3, form));
    return vreinterpretq_s32_s8(stored);
}

/* The first `pixels` of four. */
EDGE_NEON_INLINE void store_quad(int32x4_t stored, int8_t *out, ptrdiff_t next, int32_t pixels) {
    edge_neon_store_word(out, vgetq_lane_s32(stored, 0));
    if (pixels > 1) {
        edge_neon_store_word(out + next, vgetq_lane_s32(stored, 1));
    }
    if (pixels > 2) {
        edge_neon_store_word(out + 2 * next, vgetq_lane_s32(stored, 2));
    }
    if (pixels > 3) {
        edge_neon_store_word(out + 3 * next, vgetq_lane_s32(stored, 3));
    }
}

EDGE_NEON_INLINE quad shifted(quad q, int32x4_t left) {
    const quad by = {vqshlq_s32(q.p0, left), vqshlq_s32(q.p1, left), vqshlq_s32(q.p2, left),
                     vqshlq_s32(q.p3, left)};
    return by;
}

/* Of 16 pixels, with a constant form. */
EDGE_NEON_INLINE void store_16(const edge_neon_product *product, factors by, quad a, quad b, quad c,
                               quad d, int8_t *out, int32_t form) {
    const edge_neon_output output = product->output;
    const ptrdiff_t next = product->channels;
    store_quad(words_of(&output, by, a, form), out, next, QUAD);
    store_quad(words_of(&output, by, b, form), out + 4 * next, next, QUAD);
    store_quad(words_of(&output, by, c, form), out + 8 * next, next, QUAD);
    store_quad(words_of(&output, by, d, form), out + 12 * next, next, QUAD);
}

EDGE_NEON_INLINE factors factors_of(const edge_neon_scale *scale) {
    const factors by = {vld1q_s32(scale->multiplier), vld1q_s32(scale->right)};
    return by;
}

/* Four channels of 16 pixels; returns what follows their weights. */
EDGE_NEON_INLINE const int8_t *tile_16(const edge_neon_product *product, const int8_t *stream,
                                       const int8_t *strip, int32_t channel) {
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    const factors by = factors_of(&scale);
    const int8_t *place = stream + 2, *weights = place + 2 * half_at(stream);
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
    const int8_t *place = stream + 2, *weights = place + 2 * half_at(stream);
    const int8_t *const end = weights;
    quad a = started(vld1q_s32(scale.bias));
    for (; place != end; place += 2, weights += VECTOR) {
        const int8x16_t w = vld1q_s8(weights);
        DOT_QUAD(a, strip + (half_at(place) >> 2));
    }
    if (scale.shifted) {
        a = shifted(a, vld1q_s32(scale.left));
    }
    const int32x4_t stored = words_of(&product->output, factors_of(&scale), a, scale.form);
    store_quad(stored, product->out + channel, product->channels, pixels);
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

static int is_clamped(const edge_neon_output *output) {
    return vgetq_lane_s8(output->minimum, 0) != -128 || vgetq_lane_s8(output->maximum, 0) != 127;
}

/* Outputs that were saturated to int8, to the tighter range of a fused activation. */
static void clamp(const edge_neon_output *output, int8_t *out, int32_t bytes) {
    const int8_t minimum = vgetq_lane_s8(output->minimum, 0);
    const int8_t maximum = vgetq_lane_s8(output->maximum, 0);
    for (; bytes >= VECTOR; bytes -= VECTOR, out += VECTOR) {
        vst1q_s8(out, vminq_s8(vmaxq_s8(vld1q_s8(out), output->minimum), output->maximum));
    }
    for (; bytes > 0; bytes--, out++) {
        *out = *out < minimum ? minimum : *out > maximum ? maximum : *out;
    }
}

void edge_neondot_sparse(const edge_neon_product *product, int32_t pixels) {
    if (pixels == EDGE_NEONDOT_STRIP) {
        make_16(product);
    } else {
        make_4(product, pixels);
    }
    if (is_clamped(&product->output)) {
        clamp(&product->output, product->out, pixels * product->channels);
    }
}

#endif
