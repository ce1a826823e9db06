/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum pooling, int8, one output row, 4 channels at a time: the maximum of the positions of a
 * window that lie inside the input, clamped to [minimum, maximum].
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

/* The part of a window inside the input: rows from y_begin to y_end, `columns` from the byte
 * `offset` of each row on. */
typedef struct {
    int32_t y_begin, y_end, columns, offset;
} extent;

static int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static int32_t smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static extent inside(const edge_pool2d *layer, int32_t rows, int32_t y, int32_t ox) {
    const int32_t iy = y * layer->stride_h - layer->pad_top;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    const int32_t begin = larger(ix, 0), end = smaller(ix + layer->kernel_w, layer->in_w);
    const extent window = {larger(iy, 0), smaller(iy + layer->kernel_h, rows), end - begin,
                           begin * layer->in_c};
    return window;
}

static uint32_t four_channels(const edge_pool2d *layer, const edge_rows *in, const extent *window,
                              int32_t c) {
    uint32_t largest = 0x80808080u;
    for (int32_t iy = window->y_begin; iy < window->y_end; iy++) {
        const int8_t *x = (const int8_t *)edge_row(in, iy) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            largest = edge_dsp_max(largest, edge_dsp_load(x));
        }
    }
    return largest;
}

static int8_t one_channel(const edge_pool2d *layer, const edge_rows *in, const extent *window,
                          int32_t c) {
    int32_t largest = -128;
    for (int32_t iy = window->y_begin; iy < window->y_end; iy++) {
        const int8_t *x = (const int8_t *)edge_row(in, iy) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            largest = larger(largest, *x);
        }
    }
    return (int8_t)largest;
}

void edge_dsp_max_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_pool2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->in_c) {
        const extent window = inside(layer, in->rows, y, ox);
        int32_t c = 0;
        for (; c + 4 <= layer->in_c; c += 4) {
            edge_dsp_store(to + c, four_channels(layer, in, &window, c));
        }
        for (; c < layer->in_c; c++) {
            to[c] = one_channel(layer, in, &window, c);
        }
    }
    edge_dsp_clamp_all(out, layer->out_w * layer->in_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
