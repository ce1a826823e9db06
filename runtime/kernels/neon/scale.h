/* SPDX-License-Identifier: Apache-2.0
 *
 * Requantization of four accumulators at once, bit for bit that of edge/requantize.h, with
 * e = -shift and the instructions SQDMULH (the doubled product's upper half), SQRDMULH (the same,
 * rounded half up) and SRSHL (a right shift that rounds half up):
 *
 *   NEAREST  ONCE with shift >= 0: SQRDMULH(acc << shift, m).
 *   FLOOR    ONCE with e >= 1: SRSHL(SQDMULH(acc, m), e). The floor of the product loses nothing,
 *            as the bits it drops lie below the rounding constant. Where other channels need
 *            this form, shift >= 0 is written as acc << (shift + 1), e = 1.
 *   TWICE    SRSHL(SQRDMULH(acc << left, m) - (acc < 0 and e > 0), e): subtracting 1 from negative
 *            values rounds halves away from zero; 0 - 1 is still rounded to 0.
 *
 * Left shifts saturate. Their results scale to values far outside int8, whose clamped output is the
 * same.
 *
 * Packing (edge.emit.packing.neon): requantize.bias holds a head of 4 words, form and whether any
 * left shift is not 0, then for all channels, padded to a multiple of 4: bias, multiplier, -e,
 * left. requantize.multiplier and shift are unused.
 */
#ifndef EDGE_NEON_SCALE_H
#define EDGE_NEON_SCALE_H

#include "edge/edge.h"

#ifdef __ARM_NEON

#include <arm_neon.h>

#define EDGE_NEON_INLINE static inline __attribute__((always_inline))

/* Four bytes, anywhere. The builtin is one instruction even where a compiler is told to call the
 * library's memcpy. */
EDGE_NEON_INLINE int32_t edge_neon_load_word(const int8_t *from) {
    int32_t word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}

EDGE_NEON_INLINE void edge_neon_store_word(int8_t *to, int32_t word) {
    __builtin_memcpy(to, &word, sizeof word);
}

enum { EDGE_NEON_NEAREST, EDGE_NEON_FLOOR, EDGE_NEON_TWICE };

typedef struct {
    const int32_t *bias, *multiplier, *right, *left;
    int32_t form, shifted;
} edge_neon_scale;

static inline edge_neon_scale edge_neon_scale_of(const edge_requantize *q, int32_t channels) {
    const int32_t padded = (channels + 3) & ~3, *bias = q->bias + 4;
    const edge_neon_scale scale = {bias,       bias + padded, bias + 2 * padded, bias + 3 * padded,
                                   q->bias[0], q->bias[1]};
    return scale;
}

/* From `channel` on. */
EDGE_NEON_INLINE edge_neon_scale edge_neon_scale_at(const edge_neon_scale *scale, int32_t channel) {
    const edge_neon_scale at = {scale->bias + channel,
                                scale->multiplier + channel,
                                scale->right + channel,
                                scale->left + channel,
                                scale->form,
                                scale->shifted};
    return at;
}

EDGE_NEON_INLINE int32x4_t edge_neon_scaled_by(int32x4_t acc, int32x4_t multiplier, int32x4_t right,
                                               int32_t form) {
    if (form == EDGE_NEON_NEAREST) {
        return vqrdmulhq_s32(acc, multiplier);
    }
    if (form == EDGE_NEON_FLOOR) {
        return vrshlq_s32(vqdmulhq_s32(acc, multiplier), right);
    }
    /* Both signs are set where acc < 0 and e > 0. */
    const int32x4_t high = vqrdmulhq_s32(acc, multiplier);
    return vrshlq_s32(vsraq_n_s32(high, vandq_s32(acc, right), 31), right);
}

/* Four accumulators of four channels. */
EDGE_NEON_INLINE int32x4_t edge_neon_scaled(const edge_neon_scale *scale, int32x4_t acc,
                                            int32_t form) {
    if (scale->shifted) {
        acc = vqshlq_s32(acc, vld1q_s32(scale->left));
    }
    return edge_neon_scaled_by(acc, vld1q_s32(scale->multiplier), vld1q_s32(scale->right), form);
}

/* Accumulators or constants of 16 channels. */
typedef struct {
    int32x4_t v0, v1, v2, v3;
} edge_neon_16;

EDGE_NEON_INLINE edge_neon_16 edge_neon_load_16(const int32_t *from) {
    const edge_neon_16 loaded = {vld1q_s32(from), vld1q_s32(from + 4), vld1q_s32(from + 8),
                                 vld1q_s32(from + 12)};
    return loaded;
}

EDGE_NEON_INLINE edge_neon_16 edge_neon_shifted_16(edge_neon_16 acc, edge_neon_16 left) {
    const edge_neon_16 shifted = {vqshlq_s32(acc.v0, left.v0), vqshlq_s32(acc.v1, left.v1),
                                  vqshlq_s32(acc.v2, left.v2), vqshlq_s32(acc.v3, left.v3)};
    return shifted;
}

/* What follows the scaling: zero point and clamp, saturating on the way, which changes nothing. */
typedef struct {
    int16x8_t zero_point;
    int8x16_t minimum, maximum;
} edge_neon_output;

EDGE_NEON_INLINE edge_neon_output edge_neon_output_of(int8_t zero_point, int8_t minimum,
                                                      int8_t maximum) {
    const edge_neon_output output = {vdupq_n_s16(zero_point), vdupq_n_s8(minimum),
                                     vdupq_n_s8(maximum)};
    return output;
}

EDGE_NEON_INLINE int8x8_t edge_neon_narrow(const edge_neon_output *output, int32x4_t a,
                                           int32x4_t b) {
    const int16x8_t wide = vcombine_s16(vqmovn_s32(a), vqmovn_s32(b));
    return vqmovn_s16(vqaddq_s16(wide, output->zero_point));
}

EDGE_NEON_INLINE int8x8_t edge_neon_output_8(const edge_neon_output *output, int32x4_t a,
                                             int32x4_t b) {
    const int8x8_t stored = edge_neon_narrow(output, a, b);
    return vmin_s8(vmax_s8(stored, vget_low_s8(output->minimum)), vget_low_s8(output->maximum));
}

/* Shifted accumulators of 16 channels, scaled and stored. */
EDGE_NEON_INLINE void edge_neon_store_16(const edge_neon_output *output, edge_neon_16 acc,
                                         edge_neon_16 multiplier, edge_neon_16 right, int32_t form,
                                         int8_t *out) {
    const int32x4_t a = edge_neon_scaled_by(acc.v0, multiplier.v0, right.v0, form);
    const int32x4_t b = edge_neon_scaled_by(acc.v1, multiplier.v1, right.v1, form);
    const int32x4_t c = edge_neon_scaled_by(acc.v2, multiplier.v2, right.v2, form);
    const int32x4_t d = edge_neon_scaled_by(acc.v3, multiplier.v3, right.v3, form);
    const int8x16_t stored =
        vcombine_s8(edge_neon_narrow(output, a, b), edge_neon_narrow(output, c, d));
    vst1q_s8(out, vminq_s8(vmaxq_s8(stored, output->minimum), output->maximum));
}

/* One scale for all four. */
EDGE_NEON_INLINE int32x4_t edge_neon_scaled_alike(int32x4_t acc, int32_t multiplier, int32_t shift,
                                                  int32_t form) {
    const int32x4_t left = vqshlq_s32(acc, vdupq_n_s32(shift > 0 ? shift : 0));
    return edge_neon_scaled_by(left, vdupq_n_s32(multiplier), vdupq_n_s32(shift < 0 ? shift : 0),
                               form);
}

#endif
#endif
