/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with a 1x1 kernel and fully connected layer, int8, of inputs in 0..127; the sums of
 * runtime/kernels/simd128/pointwise_conv2d_s8.c.
 *
 * Packing (edge.emit.packing.relaxed.pack_pointwise), arithmetic and scratch: dot.h. A group of
 * pixels is read completely before its outputs are written.
 */
#include "edge/kernels.h"

#ifdef __wasm_relaxed_simd__

#include "dot.h"

static void fill_columns(const edge_linear *layer, const edge_relaxed_dot *dot, const int8_t *from,
                         int32_t count) {
    if (dot->depth == layer->in_c) {
        memcpy(dot->columns, from, (size_t)(count * layer->in_c));
        return;
    }
    for (int32_t p = 0; p < count; p++) {
        memcpy(dot->columns + p * dot->depth, from + p * layer->in_c, (size_t)layer->in_c);
    }
}

void edge_relaxed_pointwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                      void *out, void *scratch) {
    const edge_linear *layer = descriptor;
    const edge_relaxed_dot dot = edge_relaxed_dot_of(
        layer->weights, &layer->requantize, layer->in_c, layer->out_c, layer->pixels, scratch);
    const int8_t *from = edge_row(in, y);
    int8_t *to = out;
    EDGE_ASSERT(from != NULL);
    for (int32_t left = layer->pixels, count; left > 0; left -= count) {
        count = left < dot.group ? left : dot.group;
        fill_columns(layer, &dot, from, count);
        edge_relaxed_dot_columns(&dot, count, to);
        from += count * layer->in_c;
        to += count * layer->out_c;
    }
}

#endif
