/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "edge/kernels.h"

/* Requantization by 1/2, so that doubled weights give plain sums. */
static const int32_t HALF = 1 << 30;
static const int8_t NO_SHIFT = 0;
static const int32_t NO_BIAS[4] = {0, 0, 0, 0};
#define BY_HALF {NO_BIAS, &HALF, &NO_SHIFT, 0, EDGE_ROUND_ONCE, 0, -128, 127}

static const int8_t NINE[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const int8_t TWOS[] = {2, 2, 2, 2, 2, 2, 2, 2, 2};

static edge_conv2d square(int16_t out_w) {
    const edge_conv2d layer = {
        .weights = TWOS,
        .requantize = BY_HALF,
        .in_w = 3,
        .in_c = 1,
        .out_w = out_w,
        .out_c = 1,
        .kernel_h = 3,
        .kernel_w = 3,
        .stride_h = 1,
        .stride_w = 1,
        .dilation_h = 1,
        .dilation_w = 1,
        .pad_top = 1,
        .pad_left = 1,
        .groups = 1,
    };
    return layer;
}

/* Both kernels are the same sum for one channel. */
static void expect_both(const char *what, const edge_conv2d *layer, edge_rows in,
                        const int8_t *expected, int32_t rows) {
    int8_t out[9];
    run_rows(edge_ref_conv2d_s8, layer, in, rows, out, layer->out_w);
    expect_each(what, expected, out, rows * layer->out_w);
    run_rows(edge_ref_depthwise_conv2d_s8, layer, in, rows, out, layer->out_w);
    expect_each(what, expected, out, rows * layer->out_w);
}

static const edge_rows NINE_ROWS = {NINE, 3, 3, 3};

static void test_padding_of_zeros(void) {
    static const int8_t sums[] = {12, 21, 16, 27, 45, 33, 24, 39, 28};
    const edge_conv2d layer = square(3);
    expect_both("zeros around", &layer, NINE_ROWS, sums, 3);
}

/* 5 positions of each corner and 3 of each side are padding. */
static void test_padding_holds_the_zero_point(void) {
    static const int8_t sums[] = {12 + 50, 21 + 30, 16 + 50, 27 + 30, 45,
                                  33 + 30, 24 + 50, 39 + 30, 28 + 50};
    edge_conv2d layer = square(3);
    layer.in_zero_point = 10;
    expect_both("tens around", &layer, NINE_ROWS, sums, 3);
}

static void test_stride_and_dilation(void) {
    static const int8_t corners[] = {12, 16, 24, 28};
    static const int8_t dilated[] = {1 + 3 + 7 + 9, 2 + 8,         1 + 3 + 7 + 9, 4 + 6,        5,
                                     4 + 6,         1 + 3 + 7 + 9, 2 + 8,         1 + 3 + 7 + 9};
    edge_conv2d layer = square(2);
    layer.stride_h = layer.stride_w = 2;
    expect_both("stride 2", &layer, NINE_ROWS, corners, 2);
    layer = square(3);
    layer.dilation_h = layer.dilation_w = 2;
    layer.pad_top = layer.pad_left = 2;
    expect_both("dilation 2", &layer, NINE_ROWS, dilated, 3);
}

/* Rows 1..3 of a tensor of 4 live in a ring of 3: row 3 has taken the place of row 0. */
static void test_rows_of_a_ring(void) {
    static const int8_t ring[] = {10, 11, 12, 4, 5, 6, 7, 8, 9};
    static const int8_t row_2[] = {4 + 5 + 7 + 8 + 10 + 11, 72, 5 + 6 + 8 + 9 + 11 + 12};
    static const int8_t row_3[] = {36, 57, 40};
    const edge_conv2d layer = square(3);
    const edge_rows in = {ring, 3, 4, 3};
    int8_t out[3];
    edge_ref_conv2d_s8(&layer, &in, 2, out, NULL);
    expect_each("row in the middle", row_2, out, 3);
    edge_ref_depthwise_conv2d_s8(&layer, &in, 3, out, NULL);
    expect_each("last row", row_3, out, 3);
}

static void test_groups_split_channels(void) {
    static const int8_t x[] = {1, 2, 3, 4};
    static const int8_t weights[] = {2, 2, 2, 4, -2, 2, 6, 0};
    static const int8_t expected[] = {3, 5, 1, 9};
    const edge_conv2d layer = {.weights = weights,
                               .requantize = BY_HALF,
                               .in_w = 1,
                               .in_c = 4,
                               .out_w = 1,
                               .out_c = 4,
                               .kernel_h = 1,
                               .kernel_w = 1,
                               .stride_h = 1,
                               .stride_w = 1,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .groups = 2};
    const edge_rows in = one_row(x, 4);
    int8_t out[4];
    edge_ref_conv2d_s8(&layer, &in, 0, out, NULL);
    expect_each("two groups", expected, out, 4);
}

/* 20 channels, two filters each: output channel 2c + k is (k + 1) x[c]; more than one block. */
static void test_depthwise_multiplier(void) {
    int8_t x[20];
    int8_t weights[40];
    int8_t expected[40];
    int8_t out[40];
    int32_t bias[40];
    for (int i = 0; i < 40; i++) {
        x[i / 2] = (int8_t)(3 * (i / 2) - 30);
        weights[i] = (int8_t)(2 * (i % 2 + 1));
        bias[i] = 2;
        expected[i] = (int8_t)(x[i / 2] * (i % 2 + 1) + 1);
    }
    const edge_conv2d layer = {
        .weights = weights,
        .requantize = {bias, &HALF, &NO_SHIFT, 0, EDGE_ROUND_TWICE, 0, -128, 127},
        .in_w = 1,
        .in_c = 20,
        .out_w = 1,
        .out_c = 40,
        .kernel_h = 1,
        .kernel_w = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dilation_h = 1,
        .dilation_w = 1,
        .groups = 1};
    const edge_rows in = one_row(x, 20);
    edge_ref_depthwise_conv2d_s8(&layer, &in, 0, out, NULL);
    expect_each("two filters a channel", expected, out, 40);
}

static void test_linear(void) {
    static const int8_t x[] = {1, 2, 3, 127, 127, 127, -128, -128, -128};
    static const int8_t weights[] = {2, 2, 2, 127, 127, 127};
    static const int32_t bias[] = {-4, 100};
    static const int8_t expected[] = {4, 127, 127, 127, -128, -128};
    const edge_linear layer = {
        weights, {bias, &HALF, &NO_SHIFT, 0, EDGE_ROUND_ONCE, 0, -128, 127}, 3, 3, 2};
    const edge_rows in = one_row(x, COUNT(x));
    int8_t out[6];
    edge_ref_linear_s8(&layer, &in, 0, out, NULL);
    expect_each("three pixels", expected, out, 6);
}

/* 66051 products of 127 * -128 stay just inside -2^30, and with that bias just inside int32; the
 * result is -2147466880 / 2^25. */
static void test_largest_accumulator(void) {
    enum { DEPTH = 66051 };
    static int8_t x[DEPTH];
    static int8_t weights[DEPTH];
    static const int8_t shift = -24;
    static const int8_t expected[] = {-64};
    static const int32_t bias[] = {-(1 << 30)};
    for (int32_t i = 0; i < DEPTH; i++) {
        x[i] = -128;
        weights[i] = 127;
    }
    const edge_linear layer = {
        weights, {bias, &HALF, &shift, 0, EDGE_ROUND_ONCE, 0, -128, 127}, 1, DEPTH, 1};
    const edge_rows in = one_row(x, DEPTH);
    int8_t out[1];
    edge_ref_linear_s8(&layer, &in, 0, out, NULL);
    expect_each("largest", expected, out, 1);
}

int main(void) {
    test_padding_of_zeros();
    test_padding_holds_the_zero_point();
    test_stride_and_dilation();
    test_rows_of_a_ring();
    test_groups_split_channels();
    test_depthwise_multiplier();
    test_linear();
    test_largest_accumulator();
    return failures;
}
