/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one group, one output row, of inputs and an input zero point in 0..127; the
 * sums of runtime/kernels/ref/conv2d_s8.c. The windows of a group of pixels are copied into
 * columns, the input zero point where a window lies outside the input.
 *
 * Packing (edge.emit.packing.relaxed.pack_conv2d) and arithmetic: dot.h.
 *
 * Scratch: that of dot.h, 16 bytes longer: short runs are copied as 16 bytes.
 */
#include "edge/kernels.h"

#ifdef __wasm_relaxed_simd__

#include "../simd128/columns.h"
#include "dot.h"

void edge_relaxed_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_conv2d *layer = descriptor;
    const int32_t inputs = layer->kernel_h * layer->kernel_w * layer->in_c;
    const edge_relaxed_dot dot = edge_relaxed_dot_of(layer->weights, &layer->requantize, inputs,
                                                     layer->out_c, layer->out_w, scratch);
    EDGE_ASSERT(layer->groups == 1);
    for (int32_t ox = 0, count; ox < layer->out_w; ox += count) {
        const int32_t left = layer->out_w - ox;
        count = left < dot.group ? left : dot.group;
        for (int32_t p = 0; p < count; p++) {
            edge_simd_gather(layer, in, y, ox + p, dot.columns + p * dot.depth);
        }
        edge_relaxed_dot_columns(&dot, count, (int8_t *)out + ox * layer->out_c);
    }
}

#endif
