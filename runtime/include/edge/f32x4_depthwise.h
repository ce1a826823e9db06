/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, float32, one output channel an input channel, at least 4 channels, at most
 * 7 kernel rows, one output row; the sums of runtime/kernels/ref/depthwise_conv2d_f32.c. Weights
 * and bias lie as there.
 *
 * Four channels at a time; the last four may overlap those before. Outputs whose windows lie within
 * the columns of the input are made four or eight at a time, which share the loads of weights and,
 * where they overlap, of pixels.
 */
#ifndef EDGE_F32X4_DEPTHWISE_H
#define EDGE_F32X4_DEPTHWISE_H

#include "edge/f32x4.h"

enum { LANES = EDGE_F32X4_LANES, OUTPUTS = 8, ROWS = 7, MANY = 16 };

/* Outputs beside each other: `columns` taps in each of the rows that are no padding. x and w lead
 * to the first tap of the first output. */
typedef struct {
    const float *x[ROWS], *w[ROWS];
    int32_t rows, columns;
    int32_t tap, step; /* floats between taps and between outputs */
} windows;

static windows windows_of(const edge_conv2d_f32 *layer, const edge_rows *in, int32_t y) {
    windows found = {.columns = layer->kernel_w,
                     .tap = layer->dilation_w * layer->in_c,
                     .step = layer->stride_w * layer->in_c};
    for (int32_t ky = 0; ky < layer->kernel_h; ky++) {
        const float *row =
            edge_row(in, y * layer->stride_h - layer->pad_top + ky * layer->dilation_h);
        if (row != NULL) {
            found.x[found.rows] = row;
            found.w[found.rows++] =
                (const float *)layer->weights + ky * layer->kernel_w * layer->out_c;
        }
    }
    return found;
}

/* The windows moved to output ox: the columns of taps inside the input alone. */
static windows windows_at(const edge_conv2d_f32 *layer, const windows *row, int32_t ox) {
    const int32_t dilation = layer->dilation_w, ix = ox * layer->stride_w - layer->pad_left;
    const int32_t before = ix < 0 ? (-ix + dilation - 1) / dilation : 0;
    const int32_t room = layer->in_w - 1 - ix;
    const int32_t taps = room < 0 ? 0 : room / dilation + 1;
    const int32_t end = taps < layer->kernel_w ? taps : layer->kernel_w;
    windows found = *row;
    found.columns = end > before ? end - before : 0;
    for (int32_t r = 0; r < found.rows && found.columns > 0; r++) {
        found.x[r] += (ix + before * dilation) * layer->in_c;
        found.w[r] += before * layer->out_c;
    }
    return found;
}

/* Adds a row of taps to `outputs` windows; `outputs` is a constant. */
EDGE_F32X4_INLINE void add_row(const windows *from, const float *x, const float *w, int32_t out_c,
                               int32_t outputs, edge_f32x4 acc[OUTPUTS]) {
    for (int32_t kx = 0; kx < from->columns; kx++, x += from->tap, w += out_c) {
        const edge_f32x4 weights = edge_f32x4_load(w);
        const float *pixel = x;
        EDGE_F32X4_UNROLL
        for (int32_t i = 0; i < outputs; i++, pixel += from->step) {
            acc[i] = edge_f32x4_madd(edge_f32x4_load(pixel), weights, acc[i]);
            EDGE_F32X4_KEEP(acc[i]);
        }
    }
}

/* Adds a row of 3 taps to `outputs` windows that are `stride` taps apart, both constants: each
 * pixel is loaded once. */
EDGE_F32X4_INLINE void add_row_of_3(const windows *from, const float *x, const float *w,
                                    int32_t out_c, int32_t stride, int32_t outputs,
                                    edge_f32x4 acc[OUTPUTS]) {
    const edge_f32x4 weights[3] = {edge_f32x4_load(w), edge_f32x4_load(w + out_c),
                                   edge_f32x4_load(w + 2 * out_c)};
    EDGE_F32X4_UNROLL
    for (int32_t column = 0; column < (outputs - 1) * stride + 3; column++, x += from->tap) {
        const edge_f32x4 pixel = edge_f32x4_load(x);
        EDGE_F32X4_UNROLL
        for (int32_t i = 0; i < outputs; i++) {
            const int32_t kx = column - i * stride;
            if (kx >= 0 && kx < 3) {
                acc[i] = edge_f32x4_madd(pixel, weights[kx], acc[i]);
                EDGE_F32X4_KEEP(acc[i]);
            }
        }
    }
}

/* All channels of `outputs` windows. `outputs` and `stride` are constants; a stride of 0 stands for
 * any, and any number of columns. */
EDGE_F32X4_INLINE void all_channels(const edge_conv2d_f32 *layer, const windows *from,
                                    int32_t stride, int32_t outputs, float *to) {
    const edge_f32x4 minimum = edge_f32x4_all(layer->minimum);
    const edge_f32x4 maximum = edge_f32x4_all(layer->maximum);
    const int32_t out_c = layer->out_c, last = out_c - LANES;
    for (int32_t c = 0; c < out_c; c += LANES) {
        const int32_t channel = c < last ? c : last;
        const edge_f32x4 bias = edge_f32x4_load(layer->bias + channel);
        edge_f32x4 acc[OUTPUTS];
        EDGE_F32X4_UNROLL
        for (int32_t i = 0; i < outputs; i++) {
            acc[i] = bias;
        }
        for (int32_t r = 0; r < from->rows; r++) {
            const float *x = from->x[r] + channel, *w = from->w[r] + channel;
            if (stride > 0) {
                add_row_of_3(from, x, w, out_c, stride, outputs, acc);
            } else {
                add_row(from, x, w, out_c, outputs, acc);
            }
        }
        EDGE_F32X4_UNROLL
        for (int32_t i = 0; i < outputs; i++) {
            edge_f32x4_store(to + i * out_c + channel,
                             edge_f32x4_limited(edge_f32x4_finished(acc[i]), minimum, maximum));
        }
    }
}

/* 16 channels from `channel` on of a single output. */
EDGE_F32X4_INLINE void many_channels(const edge_conv2d_f32 *layer, const windows *from,
                                     int32_t channel, float *to) {
    const edge_f32x4 minimum = edge_f32x4_all(layer->minimum);
    const edge_f32x4 maximum = edge_f32x4_all(layer->maximum);
    edge_f32x4 acc[4];
    EDGE_F32X4_UNROLL
    for (uint32_t v = 0; v < 4; v++) {
        acc[v] = edge_f32x4_load(layer->bias + channel + 4u * v);
    }
    for (int32_t r = 0; r < from->rows; r++) {
        const float *x = from->x[r] + channel, *w = from->w[r] + channel;
        for (int32_t kx = 0; kx < from->columns; kx++, x += from->tap, w += layer->out_c) {
            EDGE_F32X4_UNROLL
            for (uint32_t v = 0; v < 4; v++) {
                acc[v] = edge_f32x4_madd(edge_f32x4_load(&x[4u * v]), edge_f32x4_load(&w[4u * v]),
                                         acc[v]);
            }
        }
    }
    EDGE_F32X4_UNROLL
    for (uint32_t v = 0; v < 4; v++) {
        edge_f32x4_store(to + channel + 4u * v,
                         edge_f32x4_limited(edge_f32x4_finished(acc[v]), minimum, maximum));
    }
}

static __attribute__((noinline)) void one_of_many(const edge_conv2d_f32 *layer, const windows *from,
                                                  float *to) {
    const int32_t last = layer->out_c - MANY;
    for (int32_t c = 0; c < layer->out_c; c += MANY) {
        many_channels(layer, from, c < last ? c : last, to);
    }
}

/* A function of its own for each constant: engines give small ones better code. */
#define WINDOWS_OF(name, stride, outputs)                                                          \
    static __attribute__((noinline)) void name(const edge_conv2d_f32 *layer, const windows *from,  \
                                               float *to) {                                        \
        all_channels(layer, from, (stride), (outputs), to);                                        \
    }
WINDOWS_OF(eight_of_3, 1, 8)
WINDOWS_OF(four_of_3, 1, 4)
WINDOWS_OF(four_of_3_apart, 2, 4)
WINDOWS_OF(four, 0, 4)
WINDOWS_OF(one, 0, 1)

typedef struct {
    void (*make)(const edge_conv2d_f32 *layer, const windows *from, float *to);
    int32_t outputs;
} method;

/* How to make most outputs from ox on whose windows lie within the columns of the input. */
static method method_for(const edge_conv2d_f32 *layer, int32_t ox) {
    static const method single = {one, 1}, single_of_many = {one_of_many, 1};
    static const method of_3[2][2] = {{{eight_of_3, 8}, {four_of_3, 4}},
                                      {{four_of_3_apart, 4}, {four_of_3_apart, 4}}};
    static const method of_any[2] = {{four, 4}, {four, 4}};
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    const int32_t span = (layer->kernel_w - 1) * layer->dilation_w + 1;
    const int32_t streams = layer->kernel_w == 3 && layer->dilation_w == 1 && layer->stride_w <= 2;
    const method *const found = streams ? of_3[layer->stride_w - 1] : of_any;
    for (int32_t i = 0; ix >= 0 && i < 2; i++) {
        const int32_t outputs = found[i].outputs;
        const int32_t end = ix + (outputs - 1) * layer->stride_w + span;
        if (end <= layer->in_w && ox + outputs <= layer->out_w) {
            return found[i];
        }
    }
    return layer->out_c < MANY ? single : single_of_many;
}

static inline void edge_f32x4_convolve_channels(const edge_conv2d_f32 *layer, const edge_rows *in,
                                                int32_t y, float *to) {
    const windows row = windows_of(layer, in, y);
    EDGE_ASSERT(layer->in_c == layer->out_c && layer->in_c >= LANES && layer->kernel_h <= ROWS);
    for (int32_t ox = 0; ox < layer->out_w;) {
        const windows from = windows_at(layer, &row, ox);
        const method found = method_for(layer, ox);
        found.make(layer, &from, to + ox * layer->out_c);
        ox += found.outputs;
    }
}

#endif
