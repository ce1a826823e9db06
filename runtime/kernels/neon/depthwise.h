/* SPDX-License-Identifier: Apache-2.0
 *
 * What depthwise convolutions share: where the taps of an output are, from output to output, and
 * pairs of their products, which fit int16 (2 * 128 * 127 < 2^15: no weight is -128).
 */
#ifndef EDGE_NEON_DEPTHWISE_H
#define EDGE_NEON_DEPTHWISE_H

#include "edge/memory.h"
#include "scale.h"

#ifdef __ARM_NEON

enum { EDGE_NEON_MAX_TAPS = 64 };

typedef struct {
    const edge_conv2d *layer;
    const int8_t *taps[EDGE_NEON_MAX_TAPS]; /* where each tap of an output finds its channels */
    const int8_t *padding;                  /* a column of zero points */
    int32_t first, before;                  /* columns of this and the last window; before >= 0 */
    int32_t movable;                        /* whether no row of the window is padding */
} edge_neon_windows;

/* Two taps of eight channels. */
EDGE_NEON_INLINE int16x8_t edge_neon_products(int8x8_t x0, int8x8_t w0, int8x8_t x1, int8x8_t w1) {
    return vmlal_s8(vmull_s8(x0, w0), x1, w1);
}

EDGE_NEON_INLINE int32x4_t edge_neon_add_low(int32x4_t sum, int16x8_t terms) {
    return vaddw_s16(sum, vget_low_s16(terms));
}

EDGE_NEON_INLINE int32x4_t edge_neon_add_high(int32x4_t sum, int16x8_t terms) {
#ifdef __aarch64__
    return vaddw_high_s16(sum, terms);
#else
    return vaddw_s16(sum, vget_high_s16(terms));
#endif
}

/* Two taps of 16 channels. */
EDGE_NEON_INLINE void edge_neon_add_pair(edge_neon_16 *sum, int8x16_t x0, int8x16_t w0,
                                         int8x16_t x1, int8x16_t w1) {
    const int16x8_t low =
        edge_neon_products(vget_low_s8(x0), vget_low_s8(w0), vget_low_s8(x1), vget_low_s8(w1));
    const int16x8_t high =
        edge_neon_products(vget_high_s8(x0), vget_high_s8(w0), vget_high_s8(x1), vget_high_s8(w1));
    sum->v0 = edge_neon_add_low(sum->v0, low);
    sum->v1 = edge_neon_add_high(sum->v1, low);
    sum->v2 = edge_neon_add_low(sum->v2, high);
    sum->v3 = edge_neon_add_high(sum->v3, high);
}

static inline void edge_neon_find_taps(edge_neon_windows *w, const edge_rows *in, int32_t y) {
    const edge_conv2d *layer = w->layer;
    const int8_t **tap = w->taps;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h) {
        const int8_t *row = edge_row(in, iy);
        int32_t ix = w->first;
        for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w) {
            const int inside = row != NULL && ix >= 0 && ix < layer->in_w;
            *tap++ = inside ? row + ix * layer->in_c : w->padding;
        }
    }
}

/* From an output whose taps are all inside to the next one, where that holds as well. */
static inline void edge_neon_advance_taps(edge_neon_windows *w) {
    const int32_t taps = w->layer->kernel_h * w->layer->kernel_w;
    const ptrdiff_t step = w->layer->stride_w * w->layer->in_c;
    for (int32_t i = 0; i < taps; i++) {
        w->taps[i] += step;
    }
}

/* Whether no row of the window is padding. */
static inline int edge_neon_has_all_rows(const edge_conv2d *layer, const edge_rows *in, int32_t y) {
    const int32_t iy = y * layer->stride_h - layer->pad_top;
    return iy >= 0 && iy + (layer->kernel_h - 1) * layer->dilation_h < in->rows;
}

/* Before the first output of row y. */
static inline void edge_neon_start_windows(edge_neon_windows *w, const edge_conv2d *layer,
                                           const edge_rows *in, int32_t y, int8_t *padding) {
    EDGE_ASSERT(layer->in_c == layer->out_c);
    EDGE_ASSERT(layer->kernel_h * layer->kernel_w <= EDGE_NEON_MAX_TAPS);
    memset(padding, layer->in_zero_point, (size_t)layer->in_c);
    w->layer = layer;
    w->padding = padding;
    w->first = -layer->pad_left;
    w->before = -1;
    w->movable = edge_neon_has_all_rows(layer, in, y);
}

/* The taps of the next output of row y. */
static inline void edge_neon_next_window(edge_neon_windows *w, const edge_rows *in, int32_t y) {
    const edge_conv2d *layer = w->layer;
    const int32_t span = (layer->kernel_w - 1) * layer->dilation_w + 1;
    if (w->movable && w->before >= 0 && w->first + span <= layer->in_w) {
        edge_neon_advance_taps(w);
    } else {
        edge_neon_find_taps(w, in, y);
    }
    w->before = w->first;
    w->first += layer->stride_w;
}

#endif
#endif
