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

#include "columns.h"
#include "dot.h"

/* The strip of `count` pixels from column ox on; missing ones repeat the last. */
static void make_strip(const edge_conv2d *layer, const edge_simd_dot *dot, const edge_rows *in,
                       int32_t y, int32_t ox, int32_t count, int16_t *strip) {
    int8_t *const columns = edge_simd_after_strips(dot);
    const int8_t *pixel[EDGE_SIMD_PIXELS];
    for (int32_t p = 0; p < EDGE_SIMD_PIXELS; p++) {
        if (p < count) {
            edge_simd_gather(layer, in, y, ox + p, columns + p * dot->depth);
        }
        pixel[p] = columns + (p < count ? p : count - 1) * dot->depth;
    }
    edge_simd_strip_4(strip, EDGE_SIMD_STEP, pixel, dot->depth);
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
    edge_simd_gather(layer, in, y, ox, column);
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
