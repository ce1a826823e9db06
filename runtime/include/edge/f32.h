/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 operators: their descriptors and the arithmetic that all of their kernels share.
 *
 * A sum starts at the bias (0 without one) and takes its products one by one in the order that the
 * portable kernel states; each product and each sum is rounded to float32, never fused. Kernels may
 * work on many outputs at a time, so every machine with IEEE 754 arithmetic makes the same bits
 * (-ffp-contract=off, subnormals kept).
 *
 * A bias is never -0, so no sum is: for finite inputs a product with a weight of zero, or with a
 * padded position, changes nothing and may be left out.
 */
#ifndef EDGE_F32_H
#define EDGE_F32_H

#include "edge/edge.h"

#define EDGE_INFINITY (__builtin_inff())

/* conv2d: weights OHWI, [out_c][kernel_h][kernel_w][in_c / groups]; groups split both channels.
 * depthwise_conv2d: weights [kernel_h][kernel_w][out_c], output channel c reads input channel
 * c / (out_c / in_c); groups unused. conv_transpose2d: weights OHWI; dilation and groups are 1. The
 * former two may use a kernel's own packing instead. */
typedef struct {
    const void *weights; /* float, or the kernel's own packing */
    const float *bias;   /* [out_c] */
    float minimum, maximum;
    int16_t in_w, in_c, out_w, out_c;
    uint8_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    int16_t groups;
} edge_conv2d_f32;

/* linear, and conv2d with a 1x1 kernel, stride 1, no padding: `pixels` vectors of in_c values in
 * one row. */
typedef struct {
    const void *weights; /* float[out_c][in_c], or the kernel's own packing */
    const float *bias;   /* [out_c] */
    float minimum, maximum;
    int32_t pixels;
    int32_t in_c, out_c;
} edge_linear_f32;

/* avg_pool2d and max_pool2d. Both see only the positions inside the input, at least one in every
 * window. */
typedef struct {
    float minimum, maximum;
    int16_t in_w, in_c, out_w;
    uint8_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
} edge_pool2d_f32;

/* mean over the positions: in is [positions][channels], out [channels]. */
typedef struct {
    int32_t positions, channels;
} edge_mean_f32;

/* add, sub and mul: `elements` in one row of the output; an operand whose size is smaller repeats:
 * index i % size. An operand tensor of one row serves every row y. */
typedef struct {
    float minimum, maximum;
    int8_t subtract; /* 1 for sub */
    int32_t elements, a_size, b_size;
} edge_pair_f32;

/* add, sub and mul with operands that are not a trailing part of the output; sizes unused. */
typedef struct {
    edge_pair_f32 pair;
    edge_broadcast shape;
} edge_pair_broadcast_f32;

/* gru and lstm: weights [gates * units][features] of the input and [gates * units][units] of the
 * hidden values, a bias for each row of either, gates in the order of torch. */
typedef struct {
    const float *input_weights, *input_bias;
    const float *hidden_weights, *hidden_bias;
    int32_t steps, features, units;
    int8_t has_initial;
} edge_recurrent_f32;

/* matmul: `batches` products of a, [rows][depth], and b, [depth][columns] or its transpose. */
typedef struct {
    int32_t batches, rows, depth, columns;
    int8_t b_transposed;
} edge_matmul_f32;

/* layer_norm over the last axis: `vectors` of `channels` values. */
typedef struct {
    const float *gain, *offset; /* [channels] */
    float epsilon;
    int32_t vectors, channels;
} edge_layer_norm_f32;

/* softmax over the last axis of beta * x: `vectors` of `classes` values. */
typedef struct {
    float beta;
    int32_t vectors, classes;
} edge_softmax_f32;

typedef enum {
    EDGE_F32_RELU,
    EDGE_F32_RELU6,
    EDGE_F32_RELU_N1_TO_1,
    EDGE_F32_LEAKY_RELU,
    EDGE_F32_SIGMOID,
    EDGE_F32_TANH,
    EDGE_F32_HARD_SWISH,
    EDGE_F32_HARD_SIGMOID,
    EDGE_F32_SILU,
    EDGE_F32_GELU,
    EDGE_F32_GELU_TANH,
    EDGE_F32_ELU,
    EDGE_F32_EXP,
    EDGE_F32_LOG,
    EDGE_F32_SQRT,
    EDGE_F32_RSQRT,
    EDGE_F32_ABS,
    EDGE_F32_NEGATE,
    EDGE_F32_SQUARE
} edge_f32_function;

/* A function of each of `elements`; alpha is the slope of leaky_relu below 0. */
typedef struct {
    int8_t function; /* edge_f32_function */
    float alpha;
    int32_t elements;
} edge_unary_f32;

/* pad: `value` around the input; fields as those of edge_pad. */
typedef struct {
    int32_t size[EDGE_MAX_RANK];
    int32_t before[EDGE_MAX_RANK];
    int32_t after[EDGE_MAX_RANK];
    float value;
} edge_pad_f32;

/* bilinear resize [in_h][in_w][channels] -> [out_h][out_w][channels]: source index of each output
 * row and column, and the weight of the next one, min(index + 1, in - 1). */
typedef struct {
    const int16_t *row_index, *column_index;
    const float *row_fraction, *column_fraction;
    int16_t in_h, in_w, out_h, out_w, channels;
} edge_resize_f32;

/* The value within the limits; -0 at a limit of 0 becomes 0. */
static inline float edge_limited_f32(float value, float minimum, float maximum) {
    const float raised = value > minimum ? value : minimum;
    return raised < maximum ? raised : maximum;
}

#endif
