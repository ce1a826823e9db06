/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row: kernel 3x3, stride 1 or 2 (the same both ways), one
 * filter a channel, no dilation, at least 4 channels.
 *
 *     out[ox][c] = requantized bias[c] + sum over ky, kx of w[ky][kx][c] * x[iy][ix][c]
 *     iy = y * stride - pad_top + ky, ix = ox * stride - pad_left + kx
 *
 * x is in_zero_point outside the input. The row is cut into blocks; for each block and each 4
 * channels the 3 input rows are brought into planes of int16, from which the outputs of one channel
 * after the other are made. If channels are not a multiple of 4, the last 4 overlap those before.
 *
 * Packing (edge.emit.packing.dsp.pack_depthwise): requantize.bias and the others are unused,
 * weights are records of 5 words a channel as depthwise_3x3.S reads them. |acc| < 2^23.
 *
 * Scratch: 4 planes, the addresses of their columns, and a column of zero points, in_c bytes.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"
#include "edge/memory.h"

#ifdef __ARM_FEATURE_DSP

typedef const int8_t *pair_of_columns[6];
typedef void kernel_3x3(const edge_dsp_depthwise *depthwise);

typedef struct {
    const edge_conv2d *layer;
    const int8_t *rows[3];
    char *planes;
    pair_of_columns *columns;
    const int8_t *padding;
} work;

/* A block: `outputs` of the row from ox on, their first column, and pairs of columns; those from
 * `varying` on hold nothing but padding. */
typedef struct {
    int32_t ox, outputs, first, pairs, varying;
} block;

static work prepare(const edge_conv2d *layer, const edge_rows *in, int32_t y, void *scratch) {
    const int32_t iy = y * layer->stride_h - layer->pad_top;
    char *planes = scratch;
    char *columns = planes + 4 * EDGE_DSP_PLANE_BYTES;
    char *padding = columns + EDGE_DSP_PLANE_PAIRS * sizeof(pair_of_columns);
    const work w = {layer,
                    {edge_row(in, iy), edge_row(in, iy + 1), edge_row(in, iy + 2)},
                    planes,
                    (pair_of_columns *)columns,
                    (const int8_t *)padding};
    memset(padding, layer->in_zero_point, (size_t)layer->in_c);
    return w;
}

static block cut(const edge_conv2d *layer, int32_t ox) {
    const int32_t stride = layer->stride_w;
    const int32_t most = (2 * EDGE_DSP_PLANE_PAIRS - 3) / stride + 1;
    const int32_t left = layer->out_w - ox;
    const int32_t outputs = left < most ? left : most;
    const int32_t first = ox * stride - layer->pad_left;
    const int32_t pairs = ((outputs - 1) * stride + 4) / 2;
    const int32_t inside = (layer->in_w - first + 1) / 2;
    const block b = {ox, outputs, first, pairs, inside < pairs ? inside : pairs};
    return b;
}

/* The addresses of every second column from `ix` on, in every sixth entry. A row of no width is
 * all padding. */
static void find_every_second(const work *w, const int8_t *row, int32_t width, int32_t ix,
                              int32_t count, const int8_t **entry) {
    const int32_t step = 2 * w->layer->in_c;
    int32_t offset = ix * w->layer->in_c;
    for (; count > 0; count--, entry += 6, offset += step, ix += 2) {
        *entry = (uint32_t)ix < (uint32_t)width ? row + offset : w->padding;
    }
}

/* `even` and `odd` are the places of a row's columns among the six entries of a pair. */
static void find_columns(const work *w, const block *b, const int8_t *row, int32_t even,
                         int32_t odd) {
    const int32_t width = row != NULL ? w->layer->in_w : 0;
    const int8_t **entries = (const int8_t **)w->columns;
    row = row != NULL ? row : w->padding;
    find_every_second(w, row, width, b->first, b->pairs, entries + even);
    find_every_second(w, row, width, b->first + 1, b->pairs, entries + odd);
}

static kernel_3x3 *chosen(const edge_conv2d *layer) {
    if (layer->requantize.rounding == EDGE_ROUND_ONCE) {
        return layer->stride_w == 1 ? edge_dsp_depthwise_3x3_s1_once
                                    : edge_dsp_depthwise_3x3_s2_once;
    }
    return layer->stride_w == 1 ? edge_dsp_depthwise_3x3_s1_twice : edge_dsp_depthwise_3x3_s2_twice;
}

static void make_channels(const work *w, const block *b, int32_t channel, int32_t end,
                          int8_t *out) {
    const edge_conv2d *layer = w->layer;
    const edge_dsp_depthwise arguments = {w->planes,
                                          (const int8_t *const(*)[6])w->columns,
                                          channel,
                                          b->pairs,
                                          b->varying,
                                          end,
                                          (const int32_t *)layer->weights + 5 * channel,
                                          out + b->ox * layer->out_c + channel,
                                          b->outputs,
                                          layer->out_c,
                                          2 * layer->requantize.zero_point + 1};
    chosen(layer)(&arguments);
}

static void make_block(const work *w, const block *b, int8_t *out) {
    const int32_t channels = w->layer->in_c, whole = channels & ~3;
    find_columns(w, b, w->rows[0], 0, 2);
    find_columns(w, b, w->rows[1], 1, 3);
    find_columns(w, b, w->rows[2], 4, 5);
    make_channels(w, b, 0, whole, out);
    if (whole < channels) {
        make_channels(w, b, channels - 4, channels, out);
    }
}

void edge_dsp_depthwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_conv2d *layer = descriptor;
    const work w = prepare(layer, in, y, scratch);
    EDGE_ASSERT(layer->in_c == layer->out_c && layer->in_c >= 4);
    for (int32_t ox = 0; ox < layer->out_w;) {
        const block b = cut(layer, ox);
        make_block(&w, &b, out);
        ox += b.outputs;
    }
    edge_dsp_clamp_all(out, layer->out_w * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
