/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one group, one output row; the sums of runtime/kernels/ref/conv2d_s8.c.
 * The windows of 4 pixels are copied into columns of kernel_h * kernel_w * in_c bytes, the input
 * zero point where a window lies outside the input.
 *
 * Packing (edge.emit.packing.simd128.pack_conv2d) and arithmetic: dot.h.
 *
 * Scratch: that of dot.h and 4 columns of `depth` bytes, 16 bytes longer than that: short runs are
 * copied as 16 bytes.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include "dot.h"

static inline void copy_16(int8_t *to, const int8_t *from) {
    wasm_v128_store(to, wasm_v128_load(from));
}

/* Whole vectors, the last one overlapping the one before. Where `slack`, 16 bytes may be read and
 * written for fewer. */
static inline void copy(int8_t *to, const int8_t *from, int32_t bytes, int slack) {
    if (bytes >= 16) {
        for (int32_t i = 0; i + 16 < bytes; i += 16) {
            copy_16(to + i, from + i);
        }
        copy_16(to + bytes - 16, from + bytes - 16);
    } else if (slack) {
        copy_16(to, from);
    } else {
        for (int32_t i = 0; i < bytes; i++) {
            to[i] = from[i];
        }
    }
}

static inline void fill(int8_t *to, int8_t value, int32_t bytes) {
    memset(to, value, (size_t)bytes);
}

/* kernel_w taps of one kernel row; `row` is NULL in the padding, ix the column of the first tap. */
static void gather_row(const edge_conv2d *layer, const int8_t *row, int32_t ix, int8_t *to) {
    const int32_t in_c = layer->in_c, dilation = layer->dilation_w;
    const int32_t last = ix + (layer->kernel_w - 1) * dilation;
    if (row == NULL) {
        fill(to, layer->in_zero_point, layer->kernel_w * in_c);
        return;
    }
    if (dilation == 1 && ix >= 0 && last < layer->in_w) {
        copy(to, row + ix * in_c, layer->kernel_w * in_c, ix * in_c + 16 <= layer->in_w * in_c);
        return;
    }
    for (; ix <= last; ix += dilation, to += in_c) {
        if (ix >= 0 && ix < layer->in_w) {
            copy(to, row + ix * in_c, in_c, 0);
        } else {
            fill(to, layer->in_zero_point, in_c);
        }
    }
}

/* The window of one output as a column. */
static void gather(const edge_conv2d *layer, const edge_rows *in, int32_t y, int32_t ox,
                   int8_t *to) {
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h) {
        gather_row(layer, edge_row(in, iy), ix, to);
        to += layer->kernel_w * layer->in_c;
    }
}

/* The strip of `count` pixels from column ox on; missing ones repeat the last. */
static void make_strip(const edge_conv2d *layer, const edge_simd_dot *dot, const edge_rows *in,
                       int32_t y, int32_t ox, int32_t count, int16_t *strip) {
    int8_t *const columns = edge_simd_after_strips(dot);
    const int8_t *pixel[EDGE_SIMD_PIXELS];
    for (int32_t p = 0; p < EDGE_SIMD_PIXELS; p++) {
        if (p < count) {
            gather(layer, in, y, ox + p, columns + p * dot->depth);
        }
        pixel[p] = columns + (p < count ? p : count - 1) * dot->depth;
    }
    edge_simd_strip_4(strip, pixel, dot->depth);
}

static void multiply_group(const edge_conv2d *layer, const edge_simd_dot *dot, const edge_rows *in,
                           int32_t y, int32_t ox, int32_t pixels, int8_t *to) {
    for (int32_t p = 0; p < pixels; p += EDGE_SIMD_PIXELS) {
        make_strip(layer, dot, in, y, ox + p, pixels - p, dot->strips + p * dot->depth);
    }
    edge_simd_dot_strips(dot, pixels, to);
}

static void multiply_one(const edge_conv2d *layer, const edge_simd_dot *dot, const edge_rows *in,
                         int32_t y, int32_t ox, int8_t *to) {
    int8_t *const column = edge_simd_after_strips(dot);
    gather(layer, in, y, ox, column);
    edge_simd_strip_1(dot->strips, column, dot->depth);
    edge_simd_dot_1(dot, to);
}

void edge_simd128_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_conv2d *layer = descriptor;
    const int32_t inputs = layer->kernel_h * layer->kernel_w * layer->in_c;
    const edge_simd_dot dot = edge_simd_dot_of(layer->weights, &layer->requantize, inputs,
                                               layer->out_c, layer->out_w, scratch);
    int8_t *to = out;
    EDGE_ASSERT(layer->groups == 1);
    for (int32_t ox = 0, count; ox < layer->out_w; ox += count) {
        count = edge_simd_group(&dot, layer->out_w - ox);
        if (count == 1) {
            multiply_one(layer, &dot, in, y, ox, to);
        } else {
            multiply_group(layer, &dot, in, y, ox, count, to);
        }
        to += count * layer->out_c;
    }
}

#endif
