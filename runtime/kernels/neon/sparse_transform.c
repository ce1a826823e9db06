/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear layer and pointwise convolution, int8, of sparse weights: see sparse.h. in_c is a multiple
 * of the step. Up to 16 pixels at a time are read before any of them is written.
 *
 * Scratch: the strip, 16 * in_c bytes.
 */
#include "sparse.h"

#ifdef __ARM_NEON

void edge_neon_sparse_transform(const edge_linear *layer, const int8_t *in, int8_t *out,
                                int8_t *scratch, const edge_neon_sparse *sparse) {
    const edge_requantize *q = &layer->requantize;
    const int32_t depth = layer->in_c;
    edge_neon_run run = {in, depth, depth, 0};
    edge_neon_product product = {scratch,
                                 0,
                                 0,
                                 layer->weights,
                                 edge_neon_scale_of(q, layer->out_c),
                                 edge_neon_output_of(q->zero_point, q->minimum, q->maximum),
                                 out,
                                 layer->out_c};
    for (int32_t left = layer->pixels; left > 0; left -= run.pixels) {
        run.pixels = edge_neon_strip_pixels(left);
        sparse->append(scratch, &run);
        edge_neon_sparse_multiply(&product, run.pixels, sparse);
        run.in += run.pixels * depth;
        product.out += run.pixels * layer->out_c;
    }
}

#endif
