/* SPDX-License-Identifier: Apache-2.0
 *
 * What the depthwise kernels of runtime/kernels/mve share: how a row is cut into blocks, and how
 * the input rows under a block are woven, 3 at a time, into a plane of columns.
 */
#ifndef EDGE_MVE_DEPTHWISE_H
#define EDGE_MVE_DEPTHWISE_H

#include "edge/mve.h"

#define EDGE_MVE_BLOCK 16 /* channels */

/* A row, or zero points in its place. */
typedef struct {
    const int8_t *row;
    int32_t step;  /* bytes from a vector to the next, 0 for zero points */
    int32_t block; /* and from 16 channels to the next */
} edge_mve_source;

/* Outputs from ox on. Of their columns, `left` come before the input and `inside` are in it. */
typedef struct {
    int32_t ox, outputs, first, columns, left, inside;
} edge_mve_block;

/* Bytes from a column of words to the next. */
static inline int32_t edge_mve_pitch(const edge_conv2d *layer) {
    return 4 * (layer->in_c < EDGE_MVE_BLOCK ? layer->in_c : EDGE_MVE_BLOCK);
}

/* An even number, as long as some are left, because outputs are made in pairs. */
static inline int32_t edge_mve_outputs(const edge_conv2d *layer, int32_t plane_bytes) {
    const int32_t columns = plane_bytes / edge_mve_pitch(layer);
    const int32_t most = (columns - layer->kernel_w) / layer->stride_w + 1;
    return most >= layer->out_w ? layer->out_w : most > 1 ? most & ~1 : 1;
}

static inline int32_t edge_mve_clamped(int32_t value, int32_t minimum, int32_t maximum) {
    return value < minimum ? minimum : value > maximum ? maximum : value;
}

/* The block of up to `outputs` outputs from ox on. */
static inline edge_mve_block edge_mve_cut(const edge_conv2d *layer, int32_t outputs, int32_t ox) {
    const int32_t left = layer->out_w - ox;
    edge_mve_block b = {.ox = ox, .first = ox * layer->stride_w - layer->pad_left};
    b.outputs = left < outputs ? left : outputs;
    b.columns = (b.outputs - 1) * layer->stride_w + layer->kernel_w;
    b.left = edge_mve_clamped(-b.first, 0, b.columns);
    b.inside = edge_mve_clamped(layer->in_w - b.first, b.left, b.columns) - b.left;
    return b;
}

static inline edge_mve_source edge_mve_find_source(const edge_conv2d *layer, const int8_t *row,
                                                   const int8_t *padding) {
    const int32_t depth = layer->in_c;
    const edge_mve_source source = {
        row != NULL ? row : padding,
        row == NULL              ? 0
        : depth < EDGE_MVE_BLOCK ? EDGE_MVE_BLOCK
                                 : depth,
        row == NULL ? 0 : EDGE_MVE_BLOCK,
    };
    return source;
}

#ifdef __ARM_FEATURE_MVE

/* Up to 16 channels: the columns of a row in one piece. More: 16 channels of each column. */
static inline edge_mve_weave edge_mve_weaving(const edge_conv2d *layer,
                                              const edge_mve_source *sources, int8_t *plane,
                                              const edge_mve_block *b) {
    const int32_t depth = layer->in_c, bytes = b->inside * depth;
    const int whole = depth <= EDGE_MVE_BLOCK;
    edge_mve_weave weave = {.to = plane + b->left * edge_mve_pitch(layer),
                            .to_step = 4 * EDGE_MVE_BLOCK,
                            .vectors = whole ? edge_mve_vectors(bytes) : b->inside,
                            .lanes = whole ? bytes : depth,
                            .lane_step = whole ? EDGE_MVE_BLOCK : 0};
    for (int32_t k = 0; k < 3; k++) {
        weave.rows[k] = sources[k].row + (sources[k].step ? (b->first + b->left) * depth : 0);
        weave.steps[k] = sources[k].step;
    }
    return weave;
}

/* Weaves 16 channels and goes on to the next ones. */
static inline void edge_mve_weave_block(edge_mve_weave *weave, const edge_mve_source *sources) {
    if (weave->vectors > 0) {
        edge_mve_weave_3(weave);
    }
    weave->lanes -= EDGE_MVE_BLOCK;
    for (int32_t k = 0; k < 3; k++) {
        weave->rows[k] += sources[k].block;
    }
}

/* Weaves the first 16 channels, and the padding left and right of all of them. The last vector of a
 * row may reach into the padding on the right, which is filled later. */
static inline edge_mve_weave edge_mve_start_plane(const edge_conv2d *layer,
                                                  const edge_mve_source *sources, int8_t *plane,
                                                  const edge_mve_block *b) {
    const int32_t pitch = edge_mve_pitch(layer), end = b->left + b->inside;
    edge_mve_weave weave = edge_mve_weaving(layer, sources, plane, b);
    if (b->left > 0) {
        edge_mve_fill(plane, layer->in_zero_point, b->left * pitch);
    }
    edge_mve_weave_block(&weave, sources);
    if (end < b->columns) {
        edge_mve_fill(plane + end * pitch, layer->in_zero_point, (b->columns - end) * pitch);
    }
    return weave;
}

#endif
#endif
