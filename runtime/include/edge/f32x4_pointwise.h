/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with a 1x1 kernel and fully connected layer, float32; the sums of
 * runtime/kernels/ref/linear_f32.c. Layout of weights and working memory: f32x4_product.h.
 *
 * Scratch: the strips of a group, in_c floats a pixel.
 */
#ifndef EDGE_F32X4_POINTWISE_H
#define EDGE_F32X4_POINTWISE_H

#include "edge/f32x4_product.h"

static inline void edge_f32x4_multiply_pixels(const void *descriptor, const edge_rows *in,
                                              int32_t y, void *out, void *scratch) {
    const edge_linear_f32 *layer = descriptor;
    const edge_f32x4_products products = {layer->weights, layer->bias, layer->minimum,
                                          layer->maximum, layer->in_c, layer->out_c};
    const int32_t depth = layer->in_c, most = edge_f32x4_group_pixels(depth);
    const float *x = edge_row(in, y);
    float *to = out;
    EDGE_ASSERT(x != NULL);
    for (int32_t left = layer->pixels; left > 0; left -= most) {
        const edge_f32x4_group group = {scratch, left < most ? left : most, to};
        float *strip = group.strips;
        for (int32_t p = 0; p < group.pixels; p += 4, x += 4 * depth, strip += 4 * depth) {
            const int32_t pixels = group.pixels - p < 4 ? group.pixels - p : 4;
            edge_f32x4_make_strip(x, depth, depth, pixels, strip);
        }
        edge_f32x4_multiply(&products, &group);
        to += most * layer->out_c;
    }
}

#endif
