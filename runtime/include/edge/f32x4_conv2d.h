/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution without groups, float32, one output row; the sums of
 * runtime/kernels/ref/conv2d_f32.c, where positions outside the input hold 0. Layout of weights and
 * working memory: f32x4_product.h, with depth = kernel_h * kernel_w * in_c.
 *
 * Scratch: the strips of a group, then the windows of 4 pixels, depth floats each.
 */
#ifndef EDGE_F32X4_CONV2D_H
#define EDGE_F32X4_CONV2D_H

#include "edge/f32x4_product.h"
#include "edge/memory.h"

/* kernel_w pixels of a row from column ix on, zeros outside it. */
static void copy_row(const edge_conv2d_f32 *layer, const float *row, int32_t ix, float *to) {
    const int32_t in_c = layer->in_c;
    for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w, to += in_c) {
        if (row != NULL && ix >= 0 && ix < layer->in_w) {
            memcpy(to, row + ix * in_c, (size_t)in_c * sizeof(float));
        } else {
            memset(to, 0, (size_t)in_c * sizeof(float));
        }
    }
}

/* The windows of `pixels` outputs from column ox on, in the order of the weights. */
static void copy_windows(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y, int32_t ox,
                         int32_t pixels, float *windows) {
    const int32_t row_floats = layer->kernel_w * layer->in_c;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, windows += row_floats) {
        const int32_t iy = y * layer->stride_h - layer->pad_top + ky * layer->dilation_h;
        const float *row = edge_row(in, iy);
        for (int32_t p = 0; p < pixels; p++) {
            const int32_t ix = (ox + p) * layer->stride_w - layer->pad_left;
            copy_row(layer, row, ix, windows + p * layer->kernel_h * row_floats);
        }
    }
}

/* Whether the windows of `pixels` outputs lie within the columns of the input, tap beside tap. */
static int are_inside(const edge_conv2d_f32 *layer, int32_t ox, int32_t pixels) {
    const int32_t begin = ox * layer->stride_w - layer->pad_left;
    const int32_t end = begin + (pixels - 1) * layer->stride_w + layer->kernel_w;
    return layer->dilation_w == 1 && begin >= 0 && end <= layer->in_w;
}

/* A strip straight from the input. */
static void strip_inside(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y, int32_t ox,
                         int32_t pixels, float *strip) {
    const int32_t row_floats = layer->kernel_w * layer->in_c;
    const int32_t at = (ox * layer->stride_w - layer->pad_left) * layer->in_c;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, strip += row_floats * pixels) {
        const int32_t iy = y * layer->stride_h - layer->pad_top + ky * layer->dilation_h;
        const float *row = edge_row(in, iy);
        if (row != NULL) {
            edge_f32x4_make_strip(row + at, layer->stride_w * layer->in_c, row_floats, pixels,
                                  strip);
        } else {
            memset(strip, 0, (size_t)(row_floats * pixels) * sizeof(float));
        }
    }
}

static inline void edge_f32x4_convolve(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y,
                                       float *out, float *scratch) {
    const int32_t depth = layer->kernel_h * layer->kernel_w * layer->in_c;
    const edge_f32x4_products products = {layer->weights, layer->bias, layer->minimum,
                                          layer->maximum, depth,       layer->out_c};
    const int32_t limit = edge_f32x4_group_pixels(depth), width = (layer->out_w + 3) / 4 * 4;
    const int32_t most = limit < width ? limit : width;
    float *windows = (float *)scratch + most * depth;
    EDGE_ASSERT(layer->groups == 1);
    for (int32_t first = 0; first < layer->out_w; first += most) {
        const int32_t left = layer->out_w - first;
        const edge_f32x4_group group = {scratch, left < most ? left : most,
                                        (float *)out + first * layer->out_c};
        for (int32_t p = 0; p < group.pixels; p += 4) {
            const int32_t pixels = group.pixels - p < 4 ? group.pixels - p : 4;
            float *strip = group.strips + p * depth;
            if (are_inside(layer, first + p, pixels)) {
                strip_inside(layer, in, y, first + p, pixels, strip);
            } else {
                copy_windows(layer, in, y, first + p, pixels, windows);
                edge_f32x4_make_strip(windows, depth, depth, pixels, strip);
            }
        }
        edge_f32x4_multiply(&products, &group);
    }
}

#endif
