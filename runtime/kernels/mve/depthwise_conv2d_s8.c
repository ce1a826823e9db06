/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row: up to 3 kernel rows and 4 columns, one filter a
 * channel, columns not dilated.
 *
 *     out[ox][c] = requantized bias[c] + sum over ky, kx of w[ky][kx][c] * x[iy][ix][c]
 *     iy = y * stride_h - pad_top + ky * dilation_h, ix = ox * stride_w - pad_left + kx
 *
 * x is in_zero_point outside the input. The row is cut into blocks; for each block and each 16
 * channels the input rows are woven into columns of words, from which the outputs are made.
 *
 * Packing (edge.emit.packing.mve.pack_depthwise): weights [out_c rounded up to 4][4 columns][4
 * rows], records of edge/mve.h in requantize.bias; multiplier and shift are unused.
 *
 * Scratch: a vector of zero points; the columns of the largest block, at most PLANE_BYTES and what
 * the last vector of a row may be larger.
 */
#include "edge/kernels.h"
#include "edge/mve_depthwise.h"

#ifdef __ARM_FEATURE_MVE

#define PLANE_BYTES 1024

static edge_mve_depthwise_2x4 *chosen(const edge_requantize *q) {
    return q->rounding == EDGE_ROUND_ONCE ? edge_mve_depthwise_2x4_once
           : edge_mve_rises(q)            ? edge_mve_depthwise_2x4_rising
                                          : edge_mve_depthwise_2x4_twice;
}

static void make_block(const edge_conv2d *layer, const edge_mve_source *sources, int8_t *columns,
                       const edge_mve_block *b, int8_t *out) {
    const edge_requantize *q = &layer->requantize;
    const int32_t depth = layer->out_c, several = b->outputs > 1;
    const int32_t pitch = edge_mve_pitch(layer), step = layer->stride_w * pitch;
    const edge_mve_pace always = {2 * step, 2 * depth, q->zero_point, &always};
    const edge_mve_pace first = {step, depth, q->zero_point, &always};
    edge_mve_depthwise arguments = {columns,
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
                                    NULL,
                                    1};
    edge_mve_depthwise_2x4 *product = chosen(q);
    edge_mve_weave weave = edge_mve_start_plane(layer, sources, columns, b);
    product(&arguments);
    for (int32_t left = depth - EDGE_MVE_BLOCK; left > 0; left -= EDGE_MVE_BLOCK) {
        arguments.channels = left;
        arguments.weights += 16 * EDGE_MVE_BLOCK;
        arguments.records += 3 * EDGE_MVE_BLOCK;
        arguments.out += EDGE_MVE_BLOCK;
        edge_mve_weave_block(&weave, sources);
        product(&arguments);
    }
}

void edge_mve_depthwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_conv2d *layer = descriptor;
    const int32_t outputs = edge_mve_outputs(layer, PLANE_BYTES);
    int32_t iy = y * layer->stride_h - layer->pad_top;
    edge_mve_source sources[3];
    EDGE_ASSERT(layer->in_c == layer->out_c && layer->kernel_h <= 3 && layer->kernel_w <= 4);
    edge_mve_fill(scratch, layer->in_zero_point, EDGE_MVE_BLOCK);
    for (int32_t ky = 0; ky < 3; ky++, iy += layer->dilation_h) {
        const int8_t *row = ky < layer->kernel_h ? edge_row(in, iy) : NULL;
        sources[ky] = edge_mve_find_source(layer, row, scratch);
    }
    for (int32_t ox = 0; ox < layer->out_w; ox += outputs) {
        const edge_mve_block b = edge_mve_cut(layer, outputs, ox);
        make_block(layer, sources, (int8_t *)scratch + EDGE_MVE_BLOCK, &b, out);
    }
    edge_mve_clamp_all(out, layer->out_w * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
