/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear layer and pointwise convolution, int8, of sparse weights: see sparse.h. Up to 16 pixels at
 * a time are read before any of them is written.
 *
 * Scratch: the strip, 16 * in_c bytes.
 */
#include "edge/kernels.h"
#include "sparse.h"

#ifdef __ARM_NEON

void edge_neondot_linear_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const edge_linear *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const int32_t depth = layer->in_c;
    edge_neondot_run run = {edge_row(in, y), depth, depth, 0};
    edge_neon_product product = {scratch,
                                 0,
                                 0,
                                 layer->weights,
                                 edge_neon_scale_of(q, layer->out_c),
                                 edge_neon_output_of(q->zero_point, q->minimum, q->maximum),
                                 out,
                                 layer->out_c};
    EDGE_ASSERT(run.in != NULL);
    for (int32_t left = layer->pixels; left > 0; left -= run.pixels) {
        run.pixels = edge_neondot_pixels(left);
        edge_neondot_strip(scratch, &run);
        edge_neondot_sparse(&product, run.pixels);
        run.in += run.pixels * depth;
        product.out += run.pixels * layer->out_c;
    }
}

#endif
