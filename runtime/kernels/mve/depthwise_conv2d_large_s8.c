/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row, as in depthwise_conv2d_s8.c, but with more taps than
 * fit one vector: kernels up to 9x8. Every 3 kernel rows have a plane of columns, and the taps are
 * taken in pieces of 3 rows and 4 columns.
 *
 * Packing (edge.emit.packing.mve.pack_depthwise): weights [groups of 4 channels][pieces][4
 * channels][4 columns][4 rows], records of edge/mve.h in requantize.bias; multiplier and shift are
 * unused.
 *
 * Scratch: a vector of zero points; the planes of the largest block, each at most PLANE_BYTES, or
 * one output wide, and what the last vector of a row may be larger.
 */
#include "edge/kernels.h"
#include "edge/mve_depthwise.h"

#ifdef __ARM_FEATURE_MVE

#define PLANE_BYTES 768
#define PLANES 3
#define PIECES (2 * PLANES)

typedef struct {
    const edge_conv2d *layer;
    int8_t *columns;
    int32_t planes, plane_bytes;
    edge_mve_source sources[3 * PLANES];
    int32_t deltas[PIECES];
    int32_t pieces;
    int32_t last_piece; /* bytes from the columns of the first one */
} work;

static edge_mve_depthwise_2x4 *chosen(const edge_requantize *q) {
    return q->rounding == EDGE_ROUND_ONCE ? edge_mve_depthwise_large_2x4_once
           : edge_mve_rises(q)            ? edge_mve_depthwise_large_2x4_rising
                                          : edge_mve_depthwise_large_2x4_twice;
}

static void find_sources(work *w, const edge_rows *in, int32_t y, const int8_t *padding) {
    const edge_conv2d *layer = w->layer;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    for (int32_t ky = 0; ky < 3 * w->planes; ky++, iy += layer->dilation_h) {
        const int8_t *row = ky < layer->kernel_h ? edge_row(in, iy) : NULL;
        w->sources[ky] = edge_mve_find_source(layer, row, padding);
    }
}

/* Those of a plane, then those of the next. */
static void find_pieces(work *w) {
    const int32_t kernel_w = w->layer->kernel_w, pitch = edge_mve_pitch(w->layer);
    w->pieces = w->last_piece = 0;
    for (int32_t plane = 0; plane < w->planes; plane++) {
        for (int32_t kx = 0; kx < kernel_w; kx += 4) {
            const int32_t column = kx + 4 <= kernel_w || kx == 0 ? kx : kernel_w - 4;
            const int32_t at = plane * w->plane_bytes + column * pitch;
            if (w->pieces > 0) {
                w->deltas[w->pieces - 1] = at - w->last_piece;
            }
            w->deltas[w->pieces++] = 0;
            w->last_piece = at;
        }
    }
}

static void make_block(const work *w, const edge_mve_block *b, int8_t *out) {
    const edge_conv2d *layer = w->layer;
    const edge_requantize *q = &layer->requantize;
    const int32_t depth = layer->out_c, several = b->outputs > 1;
    const int32_t pitch = edge_mve_pitch(layer), step = layer->stride_w * pitch;
    const edge_mve_pace always = {2 * step - w->last_piece, 2 * depth, q->zero_point, &always};
    const edge_mve_pace first = {step - w->last_piece, depth, q->zero_point, &always};
    edge_mve_depthwise arguments = {w->columns,
                                    pitch,
                                    layer->kernel_w,
                                    layer->weights,
                                    q->bias,
                                    out + b->ox * depth,
                                    depth,
                                    (b->outputs + 1) >> 1,
                                    several ? step : 0,
                                    several ? depth : 0,
                                    b->outputs & 1 ? &first : &always,
                                    w->deltas,
                                    w->pieces};
    edge_mve_depthwise_2x4 *product = chosen(q);
    edge_mve_weave weaves[PLANES];
    for (int32_t i = 0; i < w->planes; i++) {
        int8_t *plane = w->columns + i * w->plane_bytes;
        weaves[i] = edge_mve_start_plane(layer, w->sources + 3 * i, plane, b);
    }
    product(&arguments);
    for (int32_t left = depth - EDGE_MVE_BLOCK; left > 0; left -= EDGE_MVE_BLOCK) {
        arguments.channels = left;
        arguments.weights += 16 * EDGE_MVE_BLOCK * w->pieces;
        arguments.records += 3 * EDGE_MVE_BLOCK;
        arguments.out += EDGE_MVE_BLOCK;
        for (int32_t i = 0; i < w->planes; i++) {
            edge_mve_weave_block(&weaves[i], w->sources + 3 * i);
        }
        product(&arguments);
    }
}

void edge_mve_depthwise_conv2d_large_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                        void *out, void *scratch) {
    const edge_conv2d *layer = descriptor;
    const int32_t outputs = edge_mve_outputs(layer, PLANE_BYTES);
    const int32_t columns = (outputs - 1) * layer->stride_w + layer->kernel_w;
    work w;
    EDGE_ASSERT(layer->in_c == layer->out_c);
    EDGE_ASSERT(layer->kernel_h <= 3 * PLANES && layer->kernel_w <= 8);
    w.layer = layer;
    w.columns = (int8_t *)scratch + EDGE_MVE_BLOCK;
    w.planes = (layer->kernel_h + 2) / 3;
    w.plane_bytes = columns * edge_mve_pitch(layer);
    edge_mve_fill(scratch, layer->in_zero_point, EDGE_MVE_BLOCK);
    find_sources(&w, in, y, scratch);
    find_pieces(&w);
    for (int32_t ox = 0; ox < layer->out_w; ox += outputs) {
        const edge_mve_block b = edge_mve_cut(layer, outputs, ox);
        make_block(&w, &b, out);
    }
    edge_mve_clamp_all(out, layer->out_w * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
