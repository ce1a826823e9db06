/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of sparse weights, of which blocks of 4 output channels x a step of taps are left out
 * where they are zero: 16 pixels at a time, or up to 4, from a strip that holds the steps of all of
 * them one behind the other.
 *
 * Packing (edge.emit.packing.neon_sparse): weights hold for each 4 channels, unaligned and little
 * endian, uint16 count, count times uint16 place of the step in a strip of 16 pixels, in bytes,
 * then count times the block [4 channels][step]; constants are those of scale.h. Channels are a
 * multiple of 4, the taps of a kernel row a multiple of the step; depth is at most 4096.
 */
#ifndef EDGE_NEON_SPARSE_H
#define EDGE_NEON_SPARSE_H

#include "multiply.h"

#ifdef __ARM_NEON

enum { EDGE_NEON_STRIP = 16, EDGE_NEON_QUAD = 4, EDGE_NEON_VECTOR = 16 };

/* Bytes of pixels, a multiple of the step, that a strip takes one after the other. */
typedef struct {
    const int8_t *in;
    int32_t pitch; /* bytes from a pixel to the next one */
    int32_t bytes; /* of each pixel */
    int32_t pixels;
} edge_neon_run;

/* What an instruction set does: `append` puts a run behind a strip, [taps / step][16 pixels or
 * 4][step], and returns the strip's end; of fewer than 4 pixels the last one is repeated.
 * `multiply` makes the products of the strip to which product->in points; pitch and depth are not
 * used, outputs are saturated to int8 but not clamped further. */
typedef struct {
    int8_t *(*append)(int8_t *strip, const edge_neon_run *run);
    void (*multiply)(const edge_neon_product *product, int32_t pixels);
} edge_neon_sparse;

/* conv2d and linear; their contracts are those of edge.h. */
void edge_neon_sparse_convolve(const edge_conv2d *layer, const edge_rows *in, int32_t y,
                               int8_t *out, int8_t *scratch, const edge_neon_sparse *sparse);
void edge_neon_sparse_transform(const edge_linear *layer, const int8_t *in, int8_t *out,
                                int8_t *scratch, const edge_neon_sparse *sparse);

/* How many of the pixels left make the next strip. */
static inline int32_t edge_neon_strip_pixels(int32_t left) {
    return left >= EDGE_NEON_STRIP ? EDGE_NEON_STRIP
           : left < EDGE_NEON_QUAD ? left
                                   : EDGE_NEON_QUAD;
}

/* The products of a strip; outputs are clamped. */
void edge_neon_sparse_multiply(const edge_neon_product *product, int32_t pixels,
                               const edge_neon_sparse *sparse);

static inline const int8_t *edge_neon_pixel(const edge_neon_run *run, int32_t pixel) {
    return run->in + (ptrdiff_t)(pixel < run->pixels ? pixel : run->pixels - 1) * run->pitch;
}

EDGE_NEON_INLINE ptrdiff_t edge_neon_half(const int8_t *from) {
    uint16_t half;
    __builtin_memcpy(&half, from, sizeof half);
    return half;
}

/* The constants of four channels, or of twice two. */
typedef struct {
    int32x4_t multiplier, right;
} edge_neon_factors;

EDGE_NEON_INLINE int8x8_t edge_neon_scaled_pair(const edge_neon_output *output,
                                                edge_neon_factors by, int32x4_t a, int32x4_t b,
                                                int32_t form) {
    return edge_neon_narrow(output, edge_neon_scaled_by(a, by.multiplier, by.right, form),
                            edge_neon_scaled_by(b, by.multiplier, by.right, form));
}

/* The first `pixels` of four, whose channels are a word each. */
EDGE_NEON_INLINE void edge_neon_store_quad(int8x16_t quad, int8_t *out, ptrdiff_t next,
                                           int32_t pixels) {
    const int32x4_t stored = vreinterpretq_s32_s8(quad);
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

#endif
#endif
