/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear layer and pointwise convolution, int8, in runs of EDGE_NEON_PIXELS pixels and single ones.
 *
 * Scratch: EDGE_NEON_PIXELS * EDGE_NEON_MIN_DEPTH bytes if in_c < EDGE_NEON_MIN_DEPTH, else none.
 */
#include "edge/memory.h"
#include "multiply.h"

#ifdef __ARM_NEON

/* Pixels of few channels are copied to where enough bytes can be read. */
static const int8_t *readable(const edge_linear *layer, const int8_t *in, int32_t pixels,
                              int8_t *scratch) {
    if (layer->in_c >= EDGE_NEON_MIN_DEPTH) {
        return in;
    }
    for (int32_t p = 0; p < pixels; p++) {
        int8_t *to = scratch + p * EDGE_NEON_MIN_DEPTH;
        memset(to, 0, EDGE_NEON_MIN_DEPTH);
        memcpy(to, in + p * layer->in_c, (size_t)layer->in_c);
    }
    return scratch;
}

void edge_neon_transform(const edge_linear *layer, const int8_t *in, int8_t *out, void *scratch,
                         edge_neon_multiplier *multiply) {
    const edge_requantize *q = &layer->requantize;
    const int32_t depth = layer->in_c < EDGE_NEON_MIN_DEPTH ? EDGE_NEON_MIN_DEPTH : layer->in_c;
    edge_neon_product product = {in,
                                 depth,
                                 depth,
                                 layer->weights,
                                 edge_neon_scale_of(q, layer->out_c),
                                 edge_neon_output_of(q->zero_point, q->minimum, q->maximum),
                                 out,
                                 layer->out_c};
    for (int32_t left = layer->pixels; left > 0;) {
        const int32_t pixels = left >= EDGE_NEON_PIXELS ? EDGE_NEON_PIXELS : 1;
        product.in = readable(layer, in, pixels, scratch);
        multiply(&product, pixels);
        in += pixels * layer->in_c;
        product.out += pixels * layer->out_c;
        left -= pixels;
    }
}

#endif
