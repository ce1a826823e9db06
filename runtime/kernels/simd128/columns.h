/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows of a convolution as columns: the taps of one output, the input channel innermost, the
 * input zero point where the window lies outside the input.
 */
#ifndef EDGE_SIMD128_COLUMNS_H
#define EDGE_SIMD128_COLUMNS_H

#include <wasm_simd128.h>

#include "edge/edge.h"
#include "edge/memory.h"

static inline void edge_simd_copy_16(int8_t *to, const int8_t *from) {
    wasm_v128_store(to, wasm_v128_load(from));
}

/* Whole vectors, the last one overlapping the one before. Where `slack`, 16 bytes may be read and
 * written for fewer. */
static inline void edge_simd_copy(int8_t *to, const int8_t *from, int32_t bytes, int slack) {
    if (bytes >= 16) {
        for (int32_t i = 0; i + 16 < bytes; i += 16) {
            edge_simd_copy_16(to + i, from + i);
        }
        edge_simd_copy_16(to + bytes - 16, from + bytes - 16);
    } else if (slack) {
        edge_simd_copy_16(to, from);
    } else {
        for (int32_t i = 0; i < bytes; i++) {
            to[i] = from[i];
        }
    }
}

static inline void edge_simd_fill(int8_t *to, int8_t value, int32_t bytes) {
    memset(to, value, (size_t)bytes);
}

/* kernel_w taps of one kernel row; `row` is NULL in the padding, ix the column of the first tap. */
static inline void edge_simd_gather_row(const edge_conv2d *layer, const int8_t *row, int32_t ix,
                                        int8_t *to) {
    const int32_t in_c = layer->in_c, dilation = layer->dilation_w;
    const int32_t last = ix + (layer->kernel_w - 1) * dilation;
    if (row == NULL) {
        edge_simd_fill(to, layer->in_zero_point, layer->kernel_w * in_c);
        return;
    }
    if (dilation == 1 && ix >= 0 && last < layer->in_w) {
        edge_simd_copy(to, row + ix * in_c, layer->kernel_w * in_c,
                       ix * in_c + 16 <= layer->in_w * in_c);
        return;
    }
    for (; ix <= last; ix += dilation, to += in_c) {
        if (ix >= 0 && ix < layer->in_w) {
            edge_simd_copy(to, row + ix * in_c, in_c, 0);
        } else {
            edge_simd_fill(to, layer->in_zero_point, in_c);
        }
    }
}

/* The window of one output as a column. */
static inline void edge_simd_gather(const edge_conv2d *layer, const edge_rows *in, int32_t y,
                                    int32_t ox, int8_t *to) {
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h) {
        edge_simd_gather_row(layer, edge_row(in, iy), ix, to);
        to += layer->kernel_w * layer->in_c;
    }
}

#endif
