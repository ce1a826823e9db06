/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse products with SMMLA, which multiplies two pixels of 8 bytes with two channels of 8
 * weights and adds the four sums. A block is two such pairs of channels, whose weights are loaded
 * once for 16 pixels, or for 4.
 */
#include "sparse.h"

#ifdef __ARM_FEATURE_MATMUL_INT8

enum { STEP = 8, CHANNELS = 4, BLOCK = STEP * CHANNELS };

/* Sums of channels 0 and 1, and of 2 and 3, for four pixels: first those of one pixel, then those
 * of the next; pixels 0 and 1, 2 and 3. */
typedef struct {
    int32x4_t low0, high0, low1, high1;
} quad;

typedef struct {
    const int8_t *p0, *p1, *p2, *p3;
} inputs;

EDGE_NEON_INLINE int64x2_t steps(const int8_t *from) {
    return vreinterpretq_s64_s8(vld1q_s8(from));
}

EDGE_NEON_INLINE void store_steps(int8_t *to, int64x2_t value) {
    vst1q_s8(to, vreinterpretq_s8_s64(value));
}

/* The same step of two pixels. */
EDGE_NEON_INLINE int8x16_t pair_at(const int8_t *first, const int8_t *second) {
    return vcombine_s8(vld1_s8(first), vld1_s8(second));
}

/* `distance` bytes from a step of four pixels to the next one. */
static void append_quad(int8_t *to, ptrdiff_t distance, const inputs *in, int32_t bytes) {
    int32_t k = 0;
    for (; k + 2 * STEP <= bytes; k += 2 * STEP, to += 2 * distance) {
        const int64x2_t a = steps(in->p0 + k), b = steps(in->p1 + k);
        const int64x2_t c = steps(in->p2 + k), d = steps(in->p3 + k);
        store_steps(to, vzip1q_s64(a, b));
        store_steps(to + 16, vzip1q_s64(c, d));
        store_steps(to + distance, vzip2q_s64(a, b));
        store_steps(to + distance + 16, vzip2q_s64(c, d));
    }
    if (k < bytes) {
        vst1q_s8(to, pair_at(in->p0 + k, in->p1 + k));
        vst1q_s8(to + 16, pair_at(in->p2 + k, in->p3 + k));
    }
}

static int8_t *append(int8_t *strip, const edge_neon_run *run) {
    const int32_t quads = run->pixels == EDGE_NEON_STRIP ? EDGE_NEON_STRIP / EDGE_NEON_QUAD : 1;
    for (int32_t i = 0; i < quads; i++) {
        const int32_t p = EDGE_NEON_QUAD * i;
        const inputs in = {edge_neon_pixel(run, p), edge_neon_pixel(run, p + 1),
                           edge_neon_pixel(run, p + 2), edge_neon_pixel(run, p + 3)};
        append_quad(strip + BLOCK * i, (ptrdiff_t)BLOCK * quads, &in, run->bytes);
    }
    return strip + (ptrdiff_t)EDGE_NEON_QUAD * quads * run->bytes;
}

EDGE_NEON_INLINE int32x4_t twice_low(int32x4_t v) {
    return vreinterpretq_s32_s64(vdupq_laneq_s64(vreinterpretq_s64_s32(v), 0));
}

EDGE_NEON_INLINE int32x4_t twice_high(int32x4_t v) {
    return vreinterpretq_s32_s64(vdupq_laneq_s64(vreinterpretq_s64_s32(v), 1));
}

EDGE_NEON_INLINE quad started(int32x4_t bias) {
    const int32x4_t low = twice_low(bias), high = twice_high(bias);
    const quad q = {low, high, low, high};
    return q;
}

#define ADD_QUAD(q, x, y)                                                                          \
    do {                                                                                           \
        q.low0 = vmmlaq_s32(q.low0, x, w.val[0]);                                                  \
        q.high0 = vmmlaq_s32(q.high0, x, w.val[1]);                                                \
        q.low1 = vmmlaq_s32(q.low1, y, w.val[0]);                                                  \
        q.high1 = vmmlaq_s32(q.high1, y, w.val[1]);                                                \
    } while (0)

/* The next block of four quads. */
#define ADD_16                                                                                     \
    do {                                                                                           \
        const int8x16x2_t w = vld1q_s8_x2(weights);                                                \
        const int8_t *at = strip + edge_neon_half(place);                                          \
        const int8x16x4_t x = vld1q_s8_x4(at), y = vld1q_s8_x4(at + 64);                           \
        ADD_QUAD(a, x.val[0], x.val[1]);                                                           \
        ADD_QUAD(b, x.val[2], x.val[3]);                                                           \
        ADD_QUAD(c, y.val[0], y.val[1]);                                                           \
        ADD_QUAD(d, y.val[2], y.val[3]);                                                           \
    } while (0)

/* The constants of channels 0 and 1, and of 2 and 3, twice each. */
typedef struct {
    edge_neon_factors low, high;
} factors;

EDGE_NEON_INLINE factors factors_of(const edge_neon_scale *scale) {
    const int32x4_t multiplier = vld1q_s32(scale->multiplier), right = vld1q_s32(scale->right);
    const factors by = {{twice_low(multiplier), twice_low(right)},
                        {twice_high(multiplier), twice_high(right)}};
    return by;
}

EDGE_NEON_INLINE quad shifted(quad q, int32x4_t left) {
    const int32x4_t low = twice_low(left), high = twice_high(left);
    const quad by = {vqshlq_s32(q.low0, low), vqshlq_s32(q.high0, high), vqshlq_s32(q.low1, low),
                     vqshlq_s32(q.high1, high)};
    return by;
}

/* Four pixels, a word of channels each. */
EDGE_NEON_INLINE int8x16_t bytes_of(const edge_neon_output *output, factors by, quad q,
                                    int32_t form) {
    const int8x8_t low = edge_neon_scaled_pair(output, by.low, q.low0, q.low1, form);
    const int8x8_t high = edge_neon_scaled_pair(output, by.high, q.high0, q.high1, form);
    const int16x8_t halves = vcombine_s16(vreinterpret_s16_s8(low), vreinterpret_s16_s8(low));
    const int16x8_t others = vcombine_s16(vreinterpret_s16_s8(high), vreinterpret_s16_s8(high));
    return vreinterpretq_s8_s16(vzip1q_s16(halves, others));
}

/* Of 16 pixels, with a constant form. */
EDGE_NEON_INLINE void store_16(const edge_neon_product *product, factors by, quad a, quad b, quad c,
                               quad d, int8_t *out, int32_t form) {
    const edge_neon_output output = product->output;
    const ptrdiff_t next = product->channels;
    edge_neon_store_quad(bytes_of(&output, by, a, form), out, next, EDGE_NEON_QUAD);
    edge_neon_store_quad(bytes_of(&output, by, b, form), out + 4 * next, next, EDGE_NEON_QUAD);
    edge_neon_store_quad(bytes_of(&output, by, c, form), out + 8 * next, next, EDGE_NEON_QUAD);
    edge_neon_store_quad(bytes_of(&output, by, d, form), out + 12 * next, next, EDGE_NEON_QUAD);
}

/* Four channels of 16 pixels; returns what follows their weights. */
EDGE_NEON_INLINE const int8_t *tile_16(const edge_neon_product *product, const int8_t *stream,
                                       const int8_t *strip, int32_t channel) {
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    const int8_t *place = stream + 2, *weights = place + 2 * edge_neon_half(stream);
    const int8_t *const end = weights;
    int8_t *out = product->out + channel;
    quad a = started(vld1q_s32(scale.bias)), b = a, c = a, d = a;
    for (; place != end; place += 2, weights += BLOCK) {
        ADD_16;
    }
    if (scale.shifted) {
        const int32x4_t left = vld1q_s32(scale.left);
        a = shifted(a, left);
        b = shifted(b, left);
        c = shifted(c, left);
        d = shifted(d, left);
    }
    const factors by = factors_of(&scale);
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
static const int8_t *tile_4(const edge_neon_product *product, const int8_t *stream, int32_t channel,
                            int32_t pixels) {
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    const int8_t *place = stream + 2, *weights = place + 2 * edge_neon_half(stream);
    const int8_t *const end = weights;
    quad a = started(vld1q_s32(scale.bias));
    for (; place != end; place += 2, weights += BLOCK) {
        const int8x16x2_t w = vld1q_s8_x2(weights);
        const int8x16x2_t x = vld1q_s8_x2(product->in + (edge_neon_half(place) >> 2));
        ADD_QUAD(a, x.val[0], x.val[1]);
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
        stream = tile_4(product, stream, channel, pixels);
    }
}

static void multiply(const edge_neon_product *product, int32_t pixels) {
    if (pixels == EDGE_NEON_STRIP) {
        make_16(product);
    } else {
        make_4(product, pixels);
    }
}

const edge_neon_sparse edge_neoni8mm_sparse = {append, multiply};

#endif
