/* SPDX-License-Identifier: Apache-2.0
 *
 * One output row of a convolution, int8, one group, for any packing of the weights:
 *
 *     out[ox][oc] = requantized bias[oc] + sum over ky, kx, ic of w[oc][ky][kx][ic] * x[iy][ix][ic]
 *     iy = y * stride_h - pad_top + ky * dilation_h
 *     ix = ox * stride_w - pad_left + kx * dilation_w
 *
 * x is in_zero_point outside the input. 4 pixels at a time are widened into a strip, then
 * multiplied with all output channels; the rest of the row one pixel at a time, or all pixels if
 * there are no routines for 4. The steps of a strip are, for one kernel row after the other, its
 * kernel_w * in_c taps in the order of widen_4.S.
 *
 * Scratch, in this order: strip, 4 bytes a step and pixel; kernel_h row pointers; the columns of
 * one kernel row under 4 pixels (or under one), or, if rows are short, all rows with their padding;
 * if out_c is odd, outputs of as many pixels.
 */
#include "edge/columns.h"
#include "edge/dsp.h"
#include "edge/memory.h"

#ifdef __ARM_FEATURE_DSP

#define SHORT_ROW 32 /* bytes, padding included */

typedef struct {
    const edge_conv2d *layer;
    const edge_dsp_dots *dots;
    int32_t segment; /* bytes of one kernel row under one pixel */
    int32_t steps;   /* of one kernel row */
    int32_t most;    /* pixels at a time */
    int bordered;
    char *strip;
    const int8_t **rows;
    int8_t *columns;
    int8_t *spare;
} work;

/* Whether the columns under a pixel cannot be read as one piece of 4 bytes or more. */
static int is_gathered(const edge_conv2d *layer) {
    return layer->kernel_w * layer->in_c < 4 || (layer->dilation_w > 1 && layer->kernel_w > 1);
}

/* Bytes from a pixel to the next one in work.columns where their columns are gathered one by one.
 */
static int32_t gathered_pitch(int32_t segment) {
    return segment < 4 ? 4 : edge_dsp_round_up(segment);
}

/* Columns from the first to the last one under any pixel of the row. */
static int32_t row_columns(const edge_conv2d *layer) {
    return (layer->out_w - 1) * layer->stride_w + layer->kernel_w;
}

/* Whether all rows are copied with their padding at once, so that no pixel meets the border. */
static int is_bordered(const edge_conv2d *layer) {
    return !is_gathered(layer) && row_columns(layer) * layer->in_c <= SHORT_ROW;
}

static int32_t columns_bytes(const edge_conv2d *layer, int32_t segment, int32_t pixels) {
    if (is_gathered(layer)) {
        return pixels * gathered_pitch(segment);
    }
    const int32_t columns = (pixels - 1) * layer->stride_w + layer->kernel_w;
    return is_bordered(layer) ? layer->kernel_h * SHORT_ROW
                              : edge_dsp_round_up(columns * layer->in_c);
}

static work divide_scratch(const edge_conv2d *layer, const edge_dsp_dots *dots, void *scratch) {
    const int32_t segment = layer->kernel_w * layer->in_c;
    const int32_t most = dots->four_once != NULL ? 4 : 1;
    work w = {layer, dots, segment, edge_dsp_steps(segment), most, is_bordered(layer), scratch,
              NULL,  NULL, NULL};
    w.rows = (const int8_t **)scratch + most * w.steps * layer->kernel_h;
    w.columns = (int8_t *)(w.rows + layer->kernel_h);
    w.spare = w.columns + columns_bytes(layer, segment, most);
    return w;
}

/* Bordered rows start at the first column under the first pixel. */
static void find_rows(const work *w, const edge_rows *in, int32_t y) {
    const edge_conv2d *layer = w->layer;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h) {
        w->rows[ky] = edge_row(in, iy);
        if (w->bordered && w->rows[ky] != NULL) {
            int8_t *copy = w->columns + ky * SHORT_ROW;
            edge_copy_columns(layer, w->rows[ky], -layer->pad_left, row_columns(layer), copy);
            w->rows[ky] = copy;
        }
    }
}

static void *widen(const work *w, void *strip, const int8_t *from, int32_t pitch, int32_t pixels) {
    return pixels == 4 ? edge_dsp_widen_4(strip, from, pitch, w->segment)
                       : edge_dsp_widen_1(strip, from, w->segment);
}

static void *widen_padding(const work *w, void *strip, int32_t pixels) {
    uint32_t *to = strip;
    const uint32_t pair = (uint32_t)(w->layer->in_zero_point & 0xffff) * 0x10001u;
    for (int32_t i = w->steps * pixels; i > 0; i--) {
        *to++ = pair;
    }
    return to;
}

/* The columns under all pixels as one piece of row. */
static void *widen_border(const work *w, void *strip, const int8_t *row, int32_t ix,
                          int32_t pixels) {
    const edge_conv2d *layer = w->layer;
    edge_copy_columns(layer, row, ix, (pixels - 1) * layer->stride_w + layer->kernel_w, w->columns);
    return widen(w, strip, w->columns, layer->stride_w * layer->in_c, pixels);
}

/* The columns under each pixel by themselves: dilated kernels, and segments of fewer than 4 bytes,
 * which sit at the end of their words because widening reads back from the last byte. */
static void *widen_gathered(const work *w, void *strip, const int8_t *row, int32_t ix,
                            int32_t pixels) {
    const edge_conv2d *layer = w->layer;
    const int32_t pitch = gathered_pitch(w->segment);
    int8_t *start = w->columns + (w->segment < 4 ? 4 - w->segment : 0);
    for (int32_t p = 0; p < pixels; p++) {
        for (int32_t kx = 0; kx < layer->kernel_w; kx++) {
            edge_copy_columns(layer, row, ix + p * layer->stride_w + kx * layer->dilation_w, 1,
                              start + p * pitch + kx * layer->in_c);
        }
    }
    return widen(w, strip, start, pitch, pixels);
}

/* The strip of `pixels` output pixels from ox on. */
static void build_strip(const work *w, int32_t ox, int32_t pixels) {
    const edge_conv2d *layer = w->layer;
    const int32_t span = (pixels - 1) * layer->stride_w + layer->kernel_w;
    const int gathered = is_gathered(layer);
    const int32_t ix = ox * layer->stride_w - (w->bordered ? 0 : layer->pad_left);
    const int inside = w->bordered || (ix >= 0 && ix + span <= layer->in_w);
    void *strip = w->strip;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++) {
        const int8_t *row = w->rows[ky];
        if (row == NULL) {
            strip = widen_padding(w, strip, pixels);
        } else if (gathered) {
            strip = widen_gathered(w, strip, row, ix, pixels);
        } else if (inside) {
            const int32_t pitch = layer->stride_w * layer->in_c;
            strip = widen(w, strip, row + ix * layer->in_c, pitch, pixels);
        } else {
            strip = widen_border(w, strip, row, ix, pixels);
        }
    }
}

static void multiply(const work *w, int8_t *out, int32_t pixels) {
    const edge_conv2d *layer = w->layer;
    const edge_requantize *q = &layer->requantize;
    const int32_t channels = layer->out_c + (layer->out_c & 1);
    const int32_t steps = w->steps * layer->kernel_h;
    const edge_dsp_dot dot = {w->strip,       layer->weights, q->bias, out,
                              out + channels, channels,       steps,   2 * q->zero_point + 1};
    edge_dsp_multiply(w->dots, &dot, pixels, q->rounding);
}

static void make_pixels(const work *w, int32_t ox, int8_t *out, int32_t pixels) {
    const int32_t channels = w->layer->out_c;
    build_strip(w, ox, pixels);
    if ((channels & 1) == 0) {
        multiply(w, out, pixels);
        return;
    }
    multiply(w, w->spare, pixels);
    for (int32_t p = 0; p < pixels; p++) {
        memcpy(out + p * channels, w->spare + p * (channels + 1), (size_t)channels);
    }
}

void edge_dsp_convolve_row(const edge_conv2d *layer, const edge_dsp_dots *dots, const edge_rows *in,
                           int32_t y, int8_t *out, void *scratch) {
    const work w = divide_scratch(layer, dots, scratch);
    EDGE_ASSERT(layer->groups == 1);
    find_rows(&w, in, y);
    for (int32_t ox = 0; ox < layer->out_w;) {
        const int32_t pixels = layer->out_w - ox >= w.most ? w.most : 1;
        make_pixels(&w, ox, out + ox * layer->out_c, pixels);
        ox += pixels;
    }
    edge_dsp_clamp_all(out, layer->out_w * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
