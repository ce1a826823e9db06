/* SPDX-License-Identifier: Apache-2.0
 *
 * The product of a few pixels and all output channels, which pointwise convolutions, linear layers
 * and, from gathered windows, other convolutions are made of:
 *
 *     out[p][c] = requantized bias[c] + sum over k < depth of w[c][k] * in[p][k]
 *
 * There is one routine for each instruction set; each describes its packing of the weights.
 */
#ifndef EDGE_NEON_MULTIPLY_H
#define EDGE_NEON_MULTIPLY_H

#include "scale.h"

#ifdef __ARM_NEON

enum {
    EDGE_NEON_PIXELS = 4,   /* of one call, or 1 */
    EDGE_NEON_MIN_DEPTH = 8 /* bytes that can be read of each pixel; weights beyond depth are 0 */
};

typedef struct {
    const int8_t *in;
    int32_t pitch; /* bytes from a pixel to the next one */
    int32_t depth; /* at least EDGE_NEON_MIN_DEPTH */
    const int8_t *weights;
    edge_neon_scale scale;
    edge_neon_output output;
    int8_t *out;
    int32_t channels; /* of the output, and bytes from a pixel's outputs to the next one's */
} edge_neon_product;

/* `count` outputs, 1 to 4, of each of two pixels. */
EDGE_NEON_INLINE void edge_neon_store_pair(int8x8_t both, int32_t count, int8_t *first,
                                           int8_t *second) {
    if (count == 4) {
        edge_neon_store_word(first, vget_lane_s32(vreinterpret_s32_s8(both), 0));
        edge_neon_store_word(second, vget_lane_s32(vreinterpret_s32_s8(both), 1));
        return;
    }
    int8_t bytes[8];
    vst1_s8(bytes, both);
    for (int32_t i = 0; i < count; i++) {
        first[i] = bytes[i];
        second[i] = bytes[4 + i];
    }
}

typedef void edge_neon_multiplier(const edge_neon_product *product, int32_t pixels);

edge_neon_multiplier edge_neon_multiply;
edge_neon_multiplier edge_neondot_multiply;
edge_neon_multiplier edge_neoni8mm_multiply;

/* conv2d and linear with a routine; their contracts are those of edge.h. */
void edge_neon_convolve(const edge_conv2d *layer, const edge_rows *in, int32_t y, int8_t *out,
                        void *scratch, edge_neon_multiplier *multiply);
void edge_neon_transform(const edge_linear *layer, const int8_t *in, int8_t *out, void *scratch,
                         edge_neon_multiplier *multiply);

#endif
#endif
