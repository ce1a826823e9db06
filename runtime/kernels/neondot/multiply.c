/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of neon/multiply.h with SDOT, which adds four products of bytes to each of four
 * sums: tiles of 4 pixels or 1 by 16 channels or 4. Sums are exact in int32.
 *
 * Packing (edge.emit.packing.neon.pack_dot): weights [channels / 16][steps][16][4] for whole groups
 * of 16 channels, then [rest / 4][steps][4][4]; the last group is filled up with zeros. A step is
 * 4 taps; where depth is no multiple of 4, the last step ends at the last tap, and the taps that it
 * repeats have the weight 0.
 */
#include "../neon/multiply.h"

#ifdef __ARM_FEATURE_DOTPROD

enum { STEP = 4, WIDE = 16, NARROW = 4 };

/* Four equal copies of four bytes. */
EDGE_NEON_INLINE int8x16_t step_at(const int8_t *in) {
    return vreinterpretq_s8_s32(vdupq_n_s32(edge_neon_load_word(in)));
}

#define DOT_16(sum, x, lane)                                                                       \
    sum.v0 = vdotq_laneq_s32(sum.v0, w0123.val[0], x, lane);                                       \
    sum.v1 = vdotq_laneq_s32(sum.v1, w0123.val[1], x, lane);                                       \
    sum.v2 = vdotq_laneq_s32(sum.v2, w0123.val[2], x, lane);                                       \
    sum.v3 = vdotq_laneq_s32(sum.v3, w0123.val[3], x, lane);

#define WEIGHTS_16                                                                                 \
    const int8x16x4_t w0123 = vld1q_s8_x4(w);                                                      \
    w += STEP * WIDE;

#define STEP_4X16(lane)                                                                            \
    do {                                                                                           \
        WEIGHTS_16                                                                                 \
        DOT_16(a, x0, lane)                                                                        \
        DOT_16(b, x1, lane)                                                                        \
        DOT_16(c, x2, lane)                                                                        \
        DOT_16(d, x3, lane)                                                                        \
    } while (0)

#define STEP_1X16(lane)                                                                            \
    do {                                                                                           \
        WEIGHTS_16                                                                                 \
        DOT_16(a, x0, lane)                                                                        \
    } while (0)

#define STEP_4X4(lane)                                                                             \
    do {                                                                                           \
        const int8x16_t w0 = vld1q_s8(w);                                                          \
        w += STEP * NARROW;                                                                        \
        a = vdotq_laneq_s32(a, w0, x0, lane);                                                      \
        b = vdotq_laneq_s32(b, w0, x1, lane);                                                      \
        c = vdotq_laneq_s32(c, w0, x2, lane);                                                      \
        d = vdotq_laneq_s32(d, w0, x3, lane);                                                      \
    } while (0)

#define STEP_1X4(lane)                                                                             \
    do {                                                                                           \
        a = vdotq_laneq_s32(a, vld1q_s8(w), x0, lane);                                             \
        w += STEP * NARROW;                                                                        \
    } while (0)

#define LOAD_4(load, at)                                                                           \
    const int8x16_t x0 = load(in + (at)), x1 = load(in + pitch + (at)),                            \
                    x2 = load(in + 2 * pitch + (at)), x3 = load(in + 3 * pitch + (at))
#define LOAD_1(load, at) const int8x16_t x0 = load(in + (at))

/* All steps of a tile. */
#define SUM(LOAD, STEP_OF_TILE)                                                                    \
    do {                                                                                           \
        int32_t k = 0;                                                                             \
        for (; k + 4 * STEP <= depth; k += 4 * STEP) {                                             \
            LOAD(vld1q_s8, k);                                                                     \
            STEP_OF_TILE(0);                                                                       \
            STEP_OF_TILE(1);                                                                       \
            STEP_OF_TILE(2);                                                                       \
            STEP_OF_TILE(3);                                                                       \
        }                                                                                          \
        for (; k + STEP <= depth; k += STEP) {                                                     \
            LOAD(step_at, k);                                                                      \
            STEP_OF_TILE(0);                                                                       \
        }                                                                                          \
        if (k < depth) {                                                                           \
            LOAD(step_at, depth - STEP);                                                           \
            STEP_OF_TILE(0);                                                                       \
        }                                                                                          \
    } while (0)

/* Four pixels, with a constant form. */
EDGE_NEON_INLINE void store_4x16(const edge_neon_product *product, const edge_neon_scale *scale,
                                 edge_neon_16 a, edge_neon_16 b, edge_neon_16 c, edge_neon_16 d,
                                 int8_t *out, int32_t form) {
    const ptrdiff_t next = product->channels;
    const edge_neon_16 multiplier = edge_neon_load_16(scale->multiplier);
    const edge_neon_16 right = edge_neon_load_16(scale->right);
    const edge_neon_output output = product->output;
    edge_neon_store_16(&output, a, multiplier, right, form, out);
    edge_neon_store_16(&output, b, multiplier, right, form, out + next);
    edge_neon_store_16(&output, c, multiplier, right, form, out + 2 * next);
    edge_neon_store_16(&output, d, multiplier, right, form, out + 3 * next);
}

static void tile_4x16(const edge_neon_product *product, const int8_t *w, int32_t channel) {
    const int8_t *in = product->in;
    const int32_t depth = product->depth;
    const ptrdiff_t pitch = product->pitch;
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    int8_t *out = product->out + channel;
    edge_neon_16 a = edge_neon_load_16(scale.bias), b = a, c = a, d = a;
    SUM(LOAD_4, STEP_4X16);
    if (scale.shifted) {
        const edge_neon_16 left = edge_neon_load_16(scale.left);
        a = edge_neon_shifted_16(a, left);
        b = edge_neon_shifted_16(b, left);
        c = edge_neon_shifted_16(c, left);
        d = edge_neon_shifted_16(d, left);
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
    const int8_t *in = product->in;
    const int32_t depth = product->depth;
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    edge_neon_16 a = edge_neon_load_16(scale.bias);
    SUM(LOAD_1, STEP_1X16);
    if (scale.shifted) {
        a = edge_neon_shifted_16(a, edge_neon_load_16(scale.left));
    }
    edge_neon_store_16(&product->output, a, edge_neon_load_16(scale.multiplier),
                       edge_neon_load_16(scale.right), scale.form, product->out + channel);
}

static void tile_4x4(const edge_neon_product *product, const int8_t *w, int32_t channel) {
    const int8_t *in = product->in;
    const int32_t depth = product->depth, left = product->channels - channel;
    const ptrdiff_t pitch = product->pitch, next = product->channels;
    const int32_t count = left < NARROW ? left : NARROW;
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    int8_t *out = product->out + channel;
    int32x4_t a = vld1q_s32(scale.bias), b = a, c = a, d = a;
    SUM(LOAD_4, STEP_4X4);
    a = edge_neon_scaled(&scale, a, scale.form);
    b = edge_neon_scaled(&scale, b, scale.form);
    c = edge_neon_scaled(&scale, c, scale.form);
    d = edge_neon_scaled(&scale, d, scale.form);
    edge_neon_store_pair(edge_neon_output_8(&product->output, a, b), count, out, out + next);
    edge_neon_store_pair(edge_neon_output_8(&product->output, c, d), count, out + 2 * next,
                         out + 3 * next);
}

static void tile_1x4(const edge_neon_product *product, const int8_t *w, int32_t channel) {
    const int8_t *in = product->in;
    const int32_t depth = product->depth, left = product->channels - channel;
    const int32_t count = left < NARROW ? left : NARROW;
    const edge_neon_scale scale = edge_neon_scale_at(&product->scale, channel);
    int8_t *out = product->out + channel;
    int32x4_t a = vld1q_s32(scale.bias);
    SUM(LOAD_1, STEP_1X4);
    a = edge_neon_scaled(&scale, a, scale.form);
    edge_neon_store_pair(edge_neon_output_8(&product->output, a, a), count, out, out);
}

void edge_neondot_multiply(const edge_neon_product *product, int32_t pixels) {
    const int32_t taps = (product->depth + STEP - 1) / STEP * STEP;
    const int8_t *w = product->weights;
    int32_t channel = 0;
    for (; channel + WIDE <= product->channels; channel += WIDE, w += taps * WIDE) {
        (pixels == EDGE_NEON_PIXELS ? tile_4x16 : tile_1x16)(product, w, channel);
    }
    for (; channel < product->channels; channel += NARROW, w += taps * NARROW) {
        (pixels == EDGE_NEON_PIXELS ? tile_4x4 : tile_1x4)(product, w, channel);
    }
}

#endif
