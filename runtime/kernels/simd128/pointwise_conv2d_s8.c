/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with a 1x1 kernel and fully connected layer, int8:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * Packing (edge.emit.packing.simd128.pack_pointwise) and arithmetic: dot.h.
 *
 * Scratch: that of dot.h; where in_c is no multiple of 8 also 4 pixels filled up to it. A group of
 * pixels is read completely before its outputs are written.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include "dot.h"

/* A pixel with `depth` readable bytes: itself or a copy. */
static const int8_t *filled(const edge_linear *layer, int32_t depth, const int8_t *from,
                            int8_t *copy) {
    if (depth == layer->in_c) {
        return from;
    }
    memcpy(copy, from, (size_t)layer->in_c);
    return copy;
}

/* The strip of `count` pixels; missing ones repeat the first. */
static void make_strip(const edge_linear *layer, const edge_simd_dot *dot, const int8_t *from,
                       int32_t count, int16_t *strip) {
    int8_t *const copies = edge_simd_after_strips(dot);
    const int8_t *pixel[EDGE_SIMD_PIXELS];
    for (int32_t p = 0; p < EDGE_SIMD_PIXELS; p++) {
        const int32_t i = p < count ? p : 0;
        pixel[p] = filled(layer, dot->depth, from + i * layer->in_c, copies + i * dot->depth);
    }
    edge_simd_strip_4(strip, EDGE_SIMD_STEP, pixel, dot->depth);
}

static void multiply_group(const edge_linear *layer, const edge_simd_dot *dot, const int8_t *from,
                           int32_t pixels, int8_t *to) {
    for (int32_t p = 0; p < pixels; p += EDGE_SIMD_PIXELS) {
        make_strip(layer, dot, from + p * layer->in_c, pixels - p, dot->strips + p * dot->depth);
    }
    edge_simd_dot_strips(dot, pixels, to);
}

static void multiply_one(const edge_linear *layer, const edge_simd_dot *dot, const int8_t *from,
                         int8_t *to) {
    const int8_t *pixel = filled(layer, dot->depth, from, edge_simd_after_strips(dot));
    edge_simd_strip_1(dot->strips, pixel, dot->depth);
    edge_simd_dot_1(dot, to);
}

void edge_simd128_pointwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                      void *out, void *scratch) {
    const edge_linear *layer = descriptor;
    const edge_simd_dot dot = edge_simd_dot_of(layer->weights, &layer->requantize, layer->in_c,
                                               layer->out_c, layer->pixels, scratch);
    const int8_t *from = edge_row(in, y);
    int8_t *to = out;
    EDGE_ASSERT(from != NULL);
    for (int32_t left = layer->pixels, count; left > 0; left -= count) {
        count = edge_simd_group(&dot, left);
        if (count == 1) {
            multiply_one(layer, &dot, from, to);
        } else {
            multiply_group(layer, &dot, from, count, to);
        }
        from += count * layer->in_c;
        to += count * layer->out_c;
    }
}

#endif
