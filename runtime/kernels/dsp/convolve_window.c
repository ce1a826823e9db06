/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row, with a window of any size, any strides and any
 * number of filters a channel; columns of the window are not dilated:
 *
 *     out[ox][c * m + i] = requantized bias[c * m + i]
 *                          + sum over ky, kx of w[ky][kx][c * m + i] * x[iy][ix][c]
 *     iy = y * stride_h - pad_top + ky * dilation_h, ix = ox * stride_w - pad_left + kx
 *
 * 0 <= i < m = out_c / in_c. x is in_zero_point outside the input. The row is cut into blocks. For
 * each block and each 4 channels the input rows are brought into planes, two rows in each; a plane
 * holds every stride_w-th column, so that neighbouring outputs find a tap in neighbouring columns.
 * Then the outputs of one channel after the other are made. Columns of padding are the same for all
 * channels and written once. If channels are not a multiple of 4, the last 4 overlap those before.
 *
 * Packing (edge.emit.packing.dsp): for one output channel after the other the weights of the
 * segments, all planes of one pair of rows after the other, as depthwise_1x4.S reads them, with a
 * last row of zeros if kernel_h is odd; one more byte at the end. requantize.bias holds the word
 * and the multiplier of edge/dsp.h of each output channel, f = 0 in `once`. |acc| < 2^23.
 *
 * Scratch: planes, 16 bytes a column, `planes_bytes` in all or what 4 outputs need; the table of
 * segments, 12 bytes for each and the end; row pointers, 16 bytes for each pair of kernel rows.
 */
#include "edge/dsp.h"
#include "edge/memory.h"

#ifdef __ARM_FEATURE_DSP

#define COLUMN 16 /* bytes of a column of a plane: 4 channels of two rows */

typedef struct {
    int32_t rest, fours, step;
} segment;

/* Two rows of the input; rows of padding do not step. */
typedef struct {
    const int8_t *row[2];
    int32_t step[2];
} row_pair;

typedef struct {
    const edge_conv2d *layer;
    int32_t pairs;   /* of kernel rows */
    int32_t phases;  /* planes for each pair of rows */
    int32_t outputs; /* of a block, a multiple of 4 */
    int32_t plane_bytes;
    int32_t weight_bytes; /* of an output channel */
    char *planes;         /* [pairs][phases] */
    segment *segments;
    row_pair *rows;   /* [pairs] */
    uint32_t padding; /* 4 channels of a padded column */
} work;

/* Outputs of the row from ox on, and the column under the first of them. */
typedef struct {
    int32_t ox, outputs, first;
} block;

/* Columns of a plane: `left` of padding, `inside` the input, the rest padding. */
typedef struct {
    int32_t left, inside, columns, offset; /* bytes in the row where `inside` starts */
} span;

static int32_t divide_up(int32_t value, int32_t by) {
    return (value + by - 1) / by;
}

static int32_t smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static int32_t taps_of(const edge_conv2d *layer, int32_t phase) {
    return divide_up(layer->kernel_w - phase, layer->stride_w);
}

/* As few blocks as planes of `bytes` bytes in all allow, of about the same size, at least 4. */
static int32_t block_outputs(const edge_conv2d *layer, int32_t planes, int32_t bytes) {
    const int32_t most = (bytes / COLUMN / planes - taps_of(layer, 0) + 1) & ~3;
    const int32_t blocks = divide_up(layer->out_w, larger(most, 4));
    return edge_dsp_round_up(divide_up(layer->out_w, blocks));
}

static int32_t weight_bytes(const work *w) {
    int32_t bytes = 0;
    for (int32_t phase = 0; phase < w->phases; phase++) {
        const int32_t taps = taps_of(w->layer, phase);
        bytes += 2 * taps + (taps & 1);
    }
    return bytes * w->pairs;
}

static work divide_scratch(const edge_conv2d *layer, int32_t bytes, void *scratch) {
    work w = {0};
    w.layer = layer;
    w.pairs = divide_up(layer->kernel_h, 2);
    w.phases = smaller(layer->stride_w, layer->kernel_w);
    w.outputs = block_outputs(layer, w.pairs * w.phases, bytes);
    w.plane_bytes = COLUMN * (w.outputs + taps_of(layer, 0) - 1);
    w.weight_bytes = weight_bytes(&w);
    w.planes = scratch;
    w.segments = (segment *)(w.planes + w.pairs * w.phases * w.plane_bytes);
    w.rows = (row_pair *)(w.segments + w.pairs * w.phases + 1);
    w.padding = edge_dsp_splat(layer->in_zero_point);
    return w;
}

static void write_segments(const work *w) {
    segment *to = w->segments;
    int32_t at = 0, start = 0;
    for (int32_t pair = 0; pair < w->pairs; pair++) {
        for (int32_t phase = 0; phase < w->phases; phase++, start += w->plane_bytes) {
            const int32_t taps = taps_of(w->layer, phase);
            const segment one = {taps & 3, taps >> 2, start - at};
            *to++ = one;
            at = start + COLUMN * (taps + 3);
        }
    }
    const segment end = {4, 0, 4 * COLUMN - at};
    *to = end;
}

/* Kernel rows below the last one have no weights: any row serves them. */
static void find_rows(const work *w, const edge_rows *in, int32_t iy) {
    const edge_conv2d *layer = w->layer;
    for (int32_t ky = 0; ky < 2 * w->pairs; ky++, iy += layer->dilation_h) {
        const int8_t *row = ky < layer->kernel_h ? edge_row(in, iy) : NULL;
        row_pair *pair = w->rows + ky / 2;
        pair->row[ky & 1] = row != NULL ? row : (const int8_t *)&w->padding;
        pair->step[ky & 1] = row != NULL ? layer->stride_w * layer->in_c : 0;
    }
}

static int is_padding(const row_pair *rows) {
    return rows->step[0] == 0 && rows->step[1] == 0;
}

static span span_of(const work *w, const block *b, int32_t phase) {
    const edge_conv2d *layer = w->layer;
    const int32_t stride = layer->stride_w, first = b->first + phase;
    const int32_t columns = b->outputs + taps_of(layer, phase) - 1;
    const int32_t left = first < 0 ? smaller(divide_up(-first, stride), columns) : 0;
    const int32_t end = smaller(divide_up(larger(layer->in_w - first, 0), stride), columns);
    const span found = {left, larger(end - left, 0), columns,
                        (first + left * stride) * layer->in_c};
    return found;
}

static char *plane_of(const work *w, int32_t pair, int32_t phase) {
    return w->planes + (pair * w->phases + phase) * w->plane_bytes;
}

static void fill_columns(const work *w, char *plane, int32_t from, int32_t to) {
    const uint32_t word = (uint32_t)(w->layer->in_zero_point & 0xffff) * 0x10001u;
    uint32_t *at = (uint32_t *)(plane + from * COLUMN);
    for (int32_t i = 4 * (to - from); i > 0; i--) {
        *at++ = word;
    }
}

static void fill_padding(const work *w, const block *b) {
    for (int32_t phase = 0; phase < w->phases; phase++) {
        const span s = span_of(w, b, phase);
        for (int32_t pair = 0; pair < w->pairs; pair++) {
            char *plane = plane_of(w, pair, phase);
            const int32_t inside = is_padding(&w->rows[pair]) ? 0 : s.inside;
            fill_columns(w, plane, 0, s.left);
            fill_columns(w, plane, s.left + inside, s.columns);
        }
    }
}

/* Two rows of fewer than 4 channels from a and b on. Words reach into the columns behind, which the
 * last ones do not have. */
static void fill_narrow(char *plane, const row_pair *rows, const int8_t *a, const int8_t *b,
                        int32_t columns, int32_t channels) {
    const int32_t words = larger(columns - 4 / channels, 0);
    uint32_t *to = (uint32_t *)(plane + words * COLUMN);
    if (words > 0) {
        edge_dsp_planes_2(plane, a, b, words, rows->step[0], rows->step[1]);
    }
    for (int32_t i = words; i < columns; i++, to += 4) {
        for (int32_t c = 0; c < channels; c++) {
            to[c] = ((uint32_t)a[i * rows->step[0] + c] & 0xffff) |
                    (uint32_t)b[i * rows->step[1] + c] << 16;
        }
    }
}

static void fill_inside(const work *w, const span *s, const row_pair *rows, char *plane,
                        int32_t channel) {
    const int32_t channels = w->layer->in_c, from = s->offset + channel;
    const int8_t *a = rows->row[0] + (rows->step[0] != 0 ? from : 0);
    const int8_t *b = rows->row[1] + (rows->step[1] != 0 ? from : 0);
    plane += s->left * COLUMN;
    if (channels < 4) {
        fill_narrow(plane, rows, a, b, s->inside, channels);
    } else {
        edge_dsp_planes_2(plane, a, b, s->inside, rows->step[0], rows->step[1]);
    }
}

/* What the input holds of 4 channels. */
static void fill_planes(const work *w, const block *b, int32_t channel) {
    for (int32_t phase = 0; phase < w->phases; phase++) {
        const span s = span_of(w, b, phase);
        for (int32_t pair = 0; pair < w->pairs && s.inside > 0; pair++) {
            if (!is_padding(&w->rows[pair])) {
                fill_inside(w, &s, &w->rows[pair], plane_of(w, pair, phase), channel);
            }
        }
    }
}

/* The outputs of `count` channels from `first` on, of which the planes begin at `lane`; they share
 * a plane if `step` is 0. */
static void make_channels(const work *w, const block *b, int32_t first, int32_t count, int32_t lane,
                          int32_t step, int8_t *out) {
    const edge_conv2d *layer = w->layer;
    const edge_requantize *q = &layer->requantize;
    const edge_dsp_taps taps = {w->planes + 4 * lane,
                                (const int8_t *)layer->weights + first * w->weight_bytes,
                                q->bias + 2 * first,
                                (const int32_t *)w->segments,
                                out + b->ox * layer->out_c + first,
                                layer->out_c,
                                b->outputs,
                                2 * q->zero_point + 1,
                                count,
                                step};
    if (q->rounding == EDGE_ROUND_ONCE) {
        edge_dsp_depthwise_1x4_once(&taps);
    } else {
        edge_dsp_depthwise_1x4_twice(&taps);
    }
}

/* The outputs that the channels from `done` on of the planes of `channel` serve. */
static void serve_channels(const work *w, const block *b, int32_t channel, int32_t done,
                           int8_t *out) {
    const int32_t filters = w->layer->out_c / w->layer->in_c;
    const int32_t lanes = smaller(4, w->layer->in_c);
    int32_t lane = done - channel;
    if (filters == 1) {
        make_channels(w, b, done, lanes - lane, lane, 4, out);
        return;
    }
    for (; lane < lanes; lane++) {
        make_channels(w, b, (channel + lane) * filters, filters, lane, 0, out);
    }
}

static void make_block(const work *w, const block *b, int8_t *out) {
    const int32_t channels = w->layer->in_c;
    fill_padding(w, b);
    for (int32_t done = 0; done < channels; done += 4) {
        const int32_t channel = larger(smaller(done, channels - 4), 0);
        fill_planes(w, b, channel);
        serve_channels(w, b, channel, done, out);
    }
}

void edge_dsp_convolve_window(const edge_conv2d *layer, int32_t planes_bytes, const edge_rows *in,
                              int32_t y, int8_t *out, void *scratch) {
    const work w = divide_scratch(layer, planes_bytes, scratch);
    EDGE_ASSERT(layer->dilation_w == 1 || layer->kernel_w == 1);
    write_segments(&w);
    find_rows(&w, in, y * layer->stride_h - layer->pad_top);
    for (int32_t ox = 0; ox < layer->out_w; ox += w.outputs) {
        const block b = {ox, smaller(w.outputs, layer->out_w - ox),
                         ox * layer->stride_w - layer->pad_left};
        make_block(&w, &b, out);
    }
    edge_dsp_clamp_all(out, layer->out_w * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
