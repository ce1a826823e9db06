/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of sparse weights with SDOT, in blocks of 4 output channels x 4 taps of which only those
 * with a nonzero weight are stored.
 *
 * Packing (edge.emit.packing.neon_sparse.pack_dot): weights hold for each 4 channels, unaligned and
 * little endian, uint16 count, count times uint16 64 * column, then count times the block [4
 * channels] [4 taps]; constants are those of neon/scale.h. Depth and channels are multiples of 4,
 * depth is at most 4096.
 */
#ifndef EDGE_NEONDOT_SPARSE_H
#define EDGE_NEONDOT_SPARSE_H

#include "../neon/multiply.h"

#ifdef __ARM_NEON

enum { EDGE_NEONDOT_STRIP = 16 }; /* pixels */

/* Bytes of pixels, a multiple of 4, that a strip takes one after the other. */
typedef struct {
    const int8_t *in;
    int32_t pitch; /* bytes from a pixel to the next one */
    int32_t bytes; /* of each pixel */
    int32_t pixels;
} edge_neondot_run;

/* How many of the pixels left make the next strip: 16, or up to 4. */
static inline int32_t edge_neondot_pixels(int32_t left) {
    return left >= EDGE_NEONDOT_STRIP ? EDGE_NEONDOT_STRIP : left < 4 ? left : 4;
}

/* Appends to a strip, [taps / 4][16 pixels or 4][4], and returns its end. Of fewer than 4 pixels
 * the last one is repeated. */
int8_t *edge_neondot_strip(int8_t *strip, const edge_neondot_run *run);

/* The product of a strip, to which product->in points; pitch and depth are not used. */
void edge_neondot_sparse(const edge_neon_product *product, int32_t pixels);

#endif
#endif
