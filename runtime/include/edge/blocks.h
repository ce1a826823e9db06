/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse weights in blocks of which only those with a nonzero weight are kept: the portable form.
 * Bytes, numbers little endian:
 *
 *     uint8   height, width: output channels (at most 16) and taps of a block
 *     for each row of blocks:
 *     uint16  count
 *     count times:
 *     uint16  column, ascending
 *     int8    [height][width]
 *
 * A block holds the weights of the channels from row * height on and of the taps from column *
 * width on; taps have the input channel innermost. Weights beyond the last channel or tap are 0.
 */
#ifndef EDGE_BLOCKS_H
#define EDGE_BLOCKS_H

#include "edge/edge.h"

#define EDGE_BLOCK_HEIGHT 16

typedef struct {
    int32_t height, width;
    const uint8_t *next;
} edge_blocks;

static inline edge_blocks edge_blocks_in(const void *weights) {
    const uint8_t *bytes = weights;
    const edge_blocks blocks = {bytes[0], bytes[1], bytes + 2};
    return blocks;
}

static inline int32_t edge_blocks_number(edge_blocks *blocks) {
    const int32_t number = blocks->next[0] | blocks->next[1] << 8;
    blocks->next += 2;
    return number;
}

/* The weights of a block, which is passed over. */
static inline const int8_t *edge_blocks_weights(edge_blocks *blocks) {
    const uint8_t *weights = blocks->next;
    blocks->next += blocks->height * blocks->width;
    return (const int8_t *)weights;
}

#endif
