/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of products for strips of 4 pixels, of which pointwise convolutions and others are
 * made:
 *
 *     acc[p][oc] = bias[oc] + sum over k, upwards, of w[oc][k] * x[p][k]
 *
 * A strip holds x as float[depth][pixels]; the last one of a row may have fewer than 4 pixels.
 * Eight output channels of 4 pixels are eight sums, as many as WebAssembly engines keep in
 * registers on x86. A block of weights is used for all strips of a group, which together fill about
 * the first level of cache.
 *
 * Packing (edge.emit.packing.f32.pack_products): weights float[blocks][depth][8], bias
 * float[blocks * 8], zeros behind the last channel.
 */
#ifndef EDGE_F32X4_PRODUCT_H
#define EDGE_F32X4_PRODUCT_H

#include "edge/f32x4.h"

enum {
    EDGE_F32X4_PIXELS = 4,
    EDGE_F32X4_BLOCK = 8,
    EDGE_F32X4_STRIPS = 16, /* of a group, at most */
    EDGE_F32X4_STRIP_BYTES = 16384
};

typedef struct {
    const void *weights;
    const float *bias;
    float minimum, maximum;
    int32_t depth, out_c;
} edge_f32x4_products;

/* The strips of a group; as many pixels as they are made for in all but the last one. */
typedef struct {
    float *strips;
    int32_t pixels;
    float *out; /* [pixels][out_c] */
} edge_f32x4_group;

static inline int32_t edge_f32x4_group_pixels(int32_t depth) {
    const int32_t most = EDGE_F32X4_STRIP_BYTES / (16 * depth);
    const int32_t strips = most < EDGE_F32X4_STRIPS ? most : EDGE_F32X4_STRIPS;
    return EDGE_F32X4_PIXELS * (strips > 1 ? strips : 1);
}

/* float[depth][pixels] of pixels x[p], `step` floats apart. */
static inline void edge_f32x4_make_strip(const float *x, int32_t step, int32_t depth,
                                         int32_t pixels, float *strip) {
    int32_t k = 0;
    for (; pixels == EDGE_F32X4_PIXELS && k + 4 <= depth; k += 4, strip += 16) {
        edge_f32x4 row[4] = {edge_f32x4_load(x + k), edge_f32x4_load(x + step + k),
                             edge_f32x4_load(x + 2 * step + k), edge_f32x4_load(x + 3 * step + k)};
        edge_f32x4_transpose(row);
        edge_f32x4_store(strip, row[0]);
        edge_f32x4_store(strip + 4, row[1]);
        edge_f32x4_store(strip + 8, row[2]);
        edge_f32x4_store(strip + 12, row[3]);
    }
    for (; k < depth; k++) {
        for (int32_t p = 0; p < pixels; p++) {
            *strip++ = x[p * step + k];
        }
    }
}

/* What 4 steps read of the weights. Members have constant offsets, which loads take along. */
typedef struct {
    float value[4][EDGE_F32X4_BLOCK];
} edge_f32x4_weights;

/* Adds the products of one k; `pixels` is a constant. */
EDGE_F32X4_INLINE void edge_f32x4_step(edge_f32x4 acc[][2], const float *x,
                                       const float w[EDGE_F32X4_BLOCK], uint32_t pixels) {
    const edge_f32x4 low = edge_f32x4_load(&w[0]), high = edge_f32x4_load(&w[4]);
    EDGE_F32X4_UNROLL
    for (uint32_t p = 0; p < pixels; p++) {
        const edge_f32x4 value = edge_f32x4_splat(&x[p]);
        acc[p][0] = edge_f32x4_madd(value, low, acc[p][0]);
        acc[p][1] = edge_f32x4_madd(value, high, acc[p][1]);
        EDGE_F32X4_KEEP(acc[p][0]);
        EDGE_F32X4_KEEP(acc[p][1]);
    }
}

/* One block of channels of one strip; `pixels`, 1 to 4, is a constant. */
EDGE_F32X4_INLINE void edge_f32x4_tile(const edge_f32x4_products *layer, const float *x,
                                       const float *w, const float *bias, uint32_t pixels,
                                       float *out, int32_t channels) {
    const edge_f32x4 low = edge_f32x4_load(bias), high = edge_f32x4_load(bias + 4);
    const edge_f32x4 minimum = edge_f32x4_all(layer->minimum);
    const edge_f32x4 maximum = edge_f32x4_all(layer->maximum);
    edge_f32x4 acc[EDGE_F32X4_PIXELS][2];
    EDGE_F32X4_UNROLL
    for (uint32_t p = 0; p < pixels; p++) {
        acc[p][0] = low;
        acc[p][1] = high;
    }
    int32_t k = layer->depth;
    for (; k >= 4; k -= 4, x += 4u * pixels, w += 4 * EDGE_F32X4_BLOCK) {
        const edge_f32x4_weights *weights = (const edge_f32x4_weights *)w;
        EDGE_F32X4_KEEP(weights);
        EDGE_F32X4_KEEP(x);
        EDGE_F32X4_UNROLL
        for (uint32_t u = 0; u < 4; u++) {
            edge_f32x4_step(acc, x + pixels * u, weights->value[u], pixels);
        }
    }
    for (; k > 0; k--, x += pixels, w += EDGE_F32X4_BLOCK) {
        edge_f32x4_step(acc, x, w, pixels);
    }
    EDGE_F32X4_UNROLL
    for (uint32_t p = 0; p < pixels; p++, out += layer->out_c) {
        edge_f32x4_store_some(
            out, edge_f32x4_limited(edge_f32x4_finished(acc[p][0]), minimum, maximum), channels);
        if (channels > 4) {
            const edge_f32x4 made =
                edge_f32x4_limited(edge_f32x4_finished(acc[p][1]), minimum, maximum);
            edge_f32x4_store_some(out + 4, made, channels - 4);
        }
    }
}

/* One block of channels of `strips` full strips, in a function of its own: engines give a small one
 * better code. */
static __attribute__((noinline)) void edge_f32x4_full(const edge_f32x4_products *layer,
                                                      const float *x, const float *w,
                                                      const float *bias, int32_t strips, float *out,
                                                      int32_t channels) {
    const int32_t step = EDGE_F32X4_PIXELS;
    for (; strips > 0; strips--, x += step * layer->depth, out += step * layer->out_c) {
        edge_f32x4_tile(layer, x, w, bias, EDGE_F32X4_PIXELS, out, channels);
    }
}

/* One block of channels of the 1 to 3 pixels of a last strip. */
static __attribute__((noinline)) void edge_f32x4_rest(const edge_f32x4_products *layer,
                                                      const float *x, const float *w,
                                                      const float *bias, int32_t pixels, float *out,
                                                      int32_t channels) {
    if (pixels == 3) {
        edge_f32x4_tile(layer, x, w, bias, 3, out, channels);
    } else if (pixels == 2) {
        edge_f32x4_tile(layer, x, w, bias, 2, out, channels);
    } else {
        edge_f32x4_tile(layer, x, w, bias, 1, out, channels);
    }
}

/* The outputs of a group of strips. */
static inline void edge_f32x4_multiply(const edge_f32x4_products *layer,
                                       const edge_f32x4_group *group) {
    const float *w = layer->weights, *x = group->strips;
    const int32_t strips = group->pixels / 4, rest = group->pixels % 4;
    for (int32_t oc = 0; oc < layer->out_c; oc += EDGE_F32X4_BLOCK) {
        const int32_t left = layer->out_c - oc;
        const float *bias = layer->bias + oc;
        float *out = group->out + oc;
        edge_f32x4_full(layer, x, w, bias, strips, out, left);
        if (rest > 0) {
            edge_f32x4_rest(layer, x + 4 * strips * layer->depth, w, bias, rest,
                            out + 4 * strips * layer->out_c, left);
        }
        w += EDGE_F32X4_BLOCK * layer->depth;
    }
}

#endif
