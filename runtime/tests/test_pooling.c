/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "edge/kernels.h"

#define IN_Q31(numerator, denominator)                                                             \
    ((int32_t)(((int64_t)(numerator) * 2147483648LL + (denominator) / 2) / (denominator)))

/* 1/count for the counts 1..4; 1/1 as 1/2 with a left shift. */
static const int32_t RECIPROCAL[] = {1 << 30, 1 << 30, IN_Q31(1, 3), 1 << 29};
static const int8_t RECIPROCAL_SHIFT[] = {1, 0, 0, 0};

static const int8_t NINE[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static const edge_rows NINE_ROWS = {NINE, 3, 3, 3};

/* 2x2 windows over 3x3 with one row and column of padding above and to the left. */
static edge_pool2d pool(int8_t rounding) {
    const edge_pool2d layer = {
        .requantize = {NULL, RECIPROCAL, RECIPROCAL_SHIFT, 1, rounding, 0, -128, 127},
        .in_w = 3,
        .in_c = 1,
        .out_w = 3,
        .kernel_h = 2,
        .kernel_w = 2,
        .stride_h = 1,
        .stride_w = 1,
        .pad_top = 1,
        .pad_left = 1,
    };
    return layer;
}

static void test_average_divides_by_positions_inside(void) {
    static const int8_t expected[] = {1, 2, 3, 3, 3, 4, 6, 6, 7}; /* 1, 1.5, 2.5, 2.5, 3, ... */
    edge_pool2d layer = pool(EDGE_ROUND_TWICE);
    int8_t out[9];
    run_rows(edge_ref_avg_pool2d_s8, &layer, NINE_ROWS, 3, out, 3);
    expect_each("divided", expected, out, 9);
    layer = pool(EDGE_ROUND_ONCE);
    run_rows(edge_ref_avg_pool2d_s8, &layer, NINE_ROWS, 3, out, 3);
    expect_each("multiplied", expected, out, 9);
}

static void test_negative_halves(void) {
    static const int8_t x[] = {-1, -2};
    static const int8_t away[] = {-2};
    static const int8_t up[] = {-1};
    static const edge_rows in = {x, 2, 1, 1};
    edge_pool2d layer = pool(EDGE_ROUND_TWICE);
    int8_t out[1];
    layer.in_w = 2;
    layer.out_w = 1;
    layer.kernel_h = 1;
    layer.pad_top = layer.pad_left = 0;
    edge_ref_avg_pool2d_s8(&layer, &in, 0, out, NULL);
    expect_each("-1.5 away from zero", away, out, 1);
    layer.requantize.rounding = EDGE_ROUND_ONCE;
    edge_ref_avg_pool2d_s8(&layer, &in, 0, out, NULL);
    expect_each("-1.5 up", up, out, 1);
}

static void test_average_moves_between_zero_points(void) {
    static const int8_t expected[] = {1 - 3 + 20}; /* window of one position */
    edge_pool2d layer = pool(EDGE_ROUND_ONCE);
    int8_t out[3];
    layer.in_zero_point = 3;
    layer.requantize.zero_point = 20;
    edge_ref_avg_pool2d_s8(&layer, &NINE_ROWS, 0, out, NULL);
    expect_each("corner", expected, out, 1);
}

static void test_maximum(void) {
    static const int8_t x[] = {-128, -100, -50, -120, -128, -3, -128, -128, -128};
    static const int8_t expected[] = {-128, -100, -50, -120, -100, -3, -120, -120, -3};
    static const int8_t clamped[] = {-110, -100, -60};
    static const edge_rows in = {x, 3, 3, 3};
    edge_pool2d layer = pool(EDGE_ROUND_ONCE);
    int8_t out[9];
    run_rows(edge_ref_max_pool2d_s8, &layer, in, 3, out, 3);
    expect_each("padding is never the maximum", expected, out, 9);
    layer.requantize.minimum = -110;
    layer.requantize.maximum = -60;
    edge_ref_max_pool2d_s8(&layer, &in, 0, out, NULL);
    expect_each("clamped", clamped, out, 3);
}

static void test_rows_of_a_ring(void) {
    static const int8_t ring[] = {20, 21, 22, 4, 5, 6}; /* row 2 in the place of row 0 */
    static const int8_t largest[] = {20, 21, 22};
    static const int8_t average[] = {12, 13, 14}; /* (4+20)/2, (4+5+20+21)/4, (5+6+21+22)/4 */
    static const edge_rows in = {ring, 3, 3, 2};
    const edge_pool2d layer = pool(EDGE_ROUND_TWICE);
    int8_t out[3];
    edge_ref_max_pool2d_s8(&layer, &in, 2, out, NULL);
    expect_each("largest", largest, out, 3);
    edge_ref_avg_pool2d_s8(&layer, &in, 2, out, NULL);
    expect_each("average", average, out, 3);
}

static void test_mean(void) {
    static const int8_t x[] = {10, -128, 20, -128, 31, -128};
    static const int32_t third[] = {IN_Q31(1, 3)};
    static const int8_t no_shift[] = {0};
    static const int32_t bias[] = {-3 * 5};
    static const int8_t expected[] = {15 + 7, -133 + 7}; /* 61/3 - 5 = 15.3; -128 - 5 */
    const edge_mean layer = {{bias, third, no_shift, 0, EDGE_ROUND_ONCE, 7, -128, 127}, 3, 2};
    const edge_rows in = one_row(x, COUNT(x));
    int8_t out[2];
    edge_ref_mean_s8(&layer, &in, 0, out, NULL);
    expect_each("mean", expected, out, 2);
}

int main(void) {
    test_average_divides_by_positions_inside();
    test_negative_halves();
    test_average_moves_between_zero_points();
    test_maximum();
    test_rows_of_a_ring();
    test_mean();
    return failures;
}
