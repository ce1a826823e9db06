/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row, one group: the windows of a few pixels are gathered, one
 * behind the other, and multiplied with all output channels.
 *
 * Scratch: EDGE_NEON_PIXELS windows of kernel_h * kernel_w * in_c bytes, at least
 * EDGE_NEON_MIN_DEPTH each.
 */
#include "edge/memory.h"
#include "multiply.h"

#ifdef __ARM_NEON

typedef struct {
    const edge_conv2d *layer;
    const edge_rows *in;
    int32_t iy; /* row of the first tap */
} work;

/* Few bytes are the common case: kernel rows of images. */
static inline int8_t *copied(int8_t *to, const int8_t *from, int32_t bytes) {
    if (bytes >= 16) {
        int32_t i = 0;
        for (; i + 16 <= bytes; i += 16) {
            vst1q_s8(to + i, vld1q_s8(from + i));
        }
        vst1q_s8(to + bytes - 16, vld1q_s8(from + bytes - 16));
    } else if (bytes >= 8) {
        const int8x8_t first = vld1_s8(from), last = vld1_s8(from + bytes - 8);
        vst1_s8(to, first);
        vst1_s8(to + bytes - 8, last);
    } else if (bytes >= 4) {
        const int32_t first = edge_neon_load_word(from),
                      last = edge_neon_load_word(from + bytes - 4);
        edge_neon_store_word(to, first);
        edge_neon_store_word(to + bytes - 4, last);
    } else {
        for (int32_t i = 0; i < bytes; i++) {
            to[i] = from[i];
        }
    }
    return to + bytes;
}

static int8_t *filled(int8_t *to, int8_t value, int32_t bytes) {
    memset(to, value, (size_t)bytes);
    return to + bytes;
}

/* The taps of one kernel row, some of them outside, whose first one is at column ix. */
static void gather_row(const edge_conv2d *layer, const int8_t *row, int32_t ix, int8_t *to) {
    const int32_t depth = layer->in_c;
    for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w) {
        to = row != NULL && ix >= 0 && ix < layer->in_w ? copied(to, row + ix * depth, depth)
                                                        : filled(to, layer->in_zero_point, depth);
    }
}

/* The windows of `pixels` outputs from ox on, row by row of the kernel. */
static void gather(const work *w, int32_t ox, int32_t pixels, int32_t pitch, int8_t *windows) {
    const edge_conv2d *layer = w->layer;
    const int32_t depth = layer->in_c, bytes = layer->kernel_w * depth;
    const int32_t first = ox * layer->stride_w - layer->pad_left;
    const int32_t end = first + (pixels - 1) * layer->stride_w + layer->kernel_w;
    const int whole = layer->dilation_w == 1 && first >= 0 && end <= layer->in_w;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++) {
        const int8_t *row = edge_row(w->in, w->iy + ky * layer->dilation_h);
        int8_t *to = windows + ky * bytes;
        for (int32_t p = 0; p < pixels; p++, to += pitch) {
            const int32_t ix = first + p * layer->stride_w;
            if (whole && row != NULL) {
                copied(to, row + ix * depth, bytes);
            } else {
                gather_row(layer, row, ix, to);
            }
        }
    }
}

void edge_neon_convolve(const edge_conv2d *layer, const edge_rows *in, int32_t y, int8_t *out,
                        void *scratch, edge_neon_multiplier *multiply) {
    const edge_requantize *q = &layer->requantize;
    const work w = {layer, in, y * layer->stride_h - layer->pad_top};
    const int32_t taps = layer->kernel_h * layer->kernel_w * layer->in_c;
    const int32_t depth = taps < EDGE_NEON_MIN_DEPTH ? EDGE_NEON_MIN_DEPTH : taps;
    edge_neon_product product = {scratch,
                                 depth,
                                 depth,
                                 layer->weights,
                                 edge_neon_scale_of(q, layer->out_c),
                                 edge_neon_output_of(q->zero_point, q->minimum, q->maximum),
                                 out,
                                 layer->out_c};
    EDGE_ASSERT(layer->groups == 1);
    memset(scratch, 0, (size_t)(EDGE_NEON_PIXELS * EDGE_NEON_MIN_DEPTH));
    for (int32_t ox = 0; ox < layer->out_w;) {
        const int32_t pixels = layer->out_w - ox >= EDGE_NEON_PIXELS ? EDGE_NEON_PIXELS : 1;
        gather(&w, ox, pixels, depth, scratch);
        multiply(&product, pixels);
        product.out += pixels * layer->out_c;
        ox += pixels;
    }
}

#endif
