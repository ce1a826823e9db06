/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "edge/kernels.h"

static const int32_t HALF = 1 << 30;
static const int8_t NO_SHIFT = 0;

/* Equal scales 1 everywhere: ONCE with ratio 1 in Q20; TWICE as LiteRT, operands by 1/2 of the
 * doubled scale (multiplier 2^30, shift 0) and the sum by 2^-19 (2^30, shift -18). */
static edge_add adder(int8_t rounding, int8_t subtract, int32_t elements) {
    const int once = rounding == EDGE_ROUND_ONCE;
    const edge_operand operand = {once ? 1 << 20 : 1 << 30, 0, 0};
    const edge_add layer = {.a = operand,
                            .b = operand,
                            .out_multiplier = once ? 0 : 1 << 30,
                            .out_shift = (int8_t)(once ? 20 : -18),
                            .rounding = rounding,
                            .subtract = subtract,
                            .minimum = -128,
                            .maximum = 127,
                            .elements = elements,
                            .a_size = elements,
                            .b_size = elements};
    return layer;
}

static void test_add_and_subtract(void) {
    static const int8_t a[] = {1, 100, -100, 5, -128};
    static const int8_t b[] = {2, 100, -100, -5, 127};
    static const int8_t sum[] = {3, 127, -128, 0, -1};
    static const int8_t difference[] = {-1, 0, 0, 10, -128};
    const edge_rows in[] = {one_row(a, 5), one_row(b, 5)};
    int8_t out[5];
    for (int8_t rounding = EDGE_ROUND_ONCE; rounding <= EDGE_ROUND_TWICE; rounding++) {
        edge_add layer = adder(rounding, 0, 5);
        edge_ref_add_s8(&layer, in, 0, out, NULL);
        expect_each("sum", sum, out, 5);
        layer = adder(rounding, 1, 5);
        edge_ref_add_s8(&layer, in, 0, out, NULL);
        expect_each("difference", difference, out, 5);
    }
}

static void test_zero_points_of_add(void) {
    static const int8_t a[] = {10};
    static const int8_t b[] = {-20};
    static const int8_t expected[] = {(10 - 3) + (-20 + 8) + 50};
    const edge_rows in[] = {one_row(a, 1), one_row(b, 1)};
    int8_t out[1];
    for (int8_t rounding = EDGE_ROUND_ONCE; rounding <= EDGE_ROUND_TWICE; rounding++) {
        edge_add layer = adder(rounding, 0, 1);
        layer.a.zero_point = 3;
        layer.b.zero_point = -8;
        layer.zero_point = 50;
        edge_ref_add_s8(&layer, in, 0, out, NULL);
        expect_each("zero points", expected, out, 1);
    }
}

/* b is one pixel of two channels and has one row: it serves both rows and every pixel. The output
 * takes the place of a. */
static void test_smaller_operand_repeats_and_output_replaces_the_other(void) {
    int8_t a[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const int8_t b[] = {10, 20};
    static const int8_t expected[] = {11, 22, 13, 24, 15, 26, 17, 28};
    edge_add layer = adder(EDGE_ROUND_ONCE, 0, 4);
    layer.b_size = 2;
    const edge_rows in[] = {{a, 4, 2, 2}, one_row(b, 2)};
    edge_ref_add_s8(&layer, in, 0, a, NULL);
    edge_ref_add_s8(&layer, in, 1, a + 4, NULL);
    expect_each("repeated", expected, a, 8);
}

static void test_multiply(void) {
    static const int8_t a[] = {3, -128, 127, 1};
    static const int8_t b[] = {5, 127};
    static const int8_t expected[] = {(2 * 10) / 2 + 1, -128, 127, 1};
    const edge_mul layer = {
        {NULL, &HALF, &NO_SHIFT, 0, EDGE_ROUND_TWICE, 1, -128, 127}, 1, -5, 4, 4, 2};
    const edge_rows in[] = {one_row(a, 4), one_row(b, 2)};
    int8_t out[4];
    edge_ref_mul_s8(&layer, in, 0, out, NULL);
    expect_each("product", expected, out, 4);
}

static void test_lookup_reverses_in_place(void) {
    int8_t table[256];
    int8_t x[] = {-128, -1, 0, 127};
    static const int8_t expected[] = {127, 0, -1, -128};
    for (int i = 0; i < 256; i++) {
        table[i] = (int8_t)(127 - i);
    }
    const edge_lookup layer = {table, 4};
    const edge_rows in = one_row(x, 4);
    edge_ref_lookup_s8(&layer, &in, 0, x, NULL);
    expect_each("table", expected, x, 4);
}

static void test_requantize(void) {
    static const int8_t x[] = {10, 11, 13, -128};
    static const int8_t halved[] = {-3, -2, -1, -72}; /* 0, 0.5, 1.5, -69 */
    edge_rescale layer = {{NULL, &HALF, &NO_SHIFT, 0, EDGE_ROUND_ONCE, -3, -128, 127}, 10, 4};
    const edge_rows in = one_row(x, 4);
    int8_t out[4];
    edge_ref_requantize_s8(&layer, &in, 0, out, NULL);
    expect_each("once", halved, out, 4);
    layer.requantize.rounding = EDGE_ROUND_TWICE;
    edge_ref_requantize_s8(&layer, &in, 0, out, NULL);
    expect_each("twice", halved, out, 4);
}

static void test_quantize_rounds_halves_and_saturates(void) {
    static const float x[] = {0.25f, 0.75f,  1.25f, -0.25f, -0.75f, 0.2499999f,
                              1e30f, -1e30f, 63.4f, -64.6f, 0.0f};
    static const int8_t even[] = {1, 3, 3, 1, -1, 1, 127, -128, 127, -128, 1};
    static const int8_t away[] = {2, 3, 4, 0, -1, 1, 127, -128, 127, -128, 1};
    edge_affine layer = {0.5f, 1, EDGE_ROUND_ONCE, COUNT(x)};
    const edge_rows in = one_row(x, sizeof x);
    int8_t out[COUNT(even)];
    edge_ref_quantize_f32_s8(&layer, &in, 0, out, NULL);
    expect_each("to even", even, out, COUNT(even));
    layer.rounding = EDGE_ROUND_TWICE;
    edge_ref_quantize_f32_s8(&layer, &in, 0, out, NULL);
    expect_each("away from zero", away, out, COUNT(away));
}

static void test_every_value_survives_dequantize_and_quantize(void) {
    int8_t x[256];
    float real[256];
    int8_t back[256];
    for (int i = 0; i < 256; i++) {
        x[i] = (int8_t)(i - 128);
    }
    for (int8_t rounding = EDGE_ROUND_ONCE; rounding <= EDGE_ROUND_TWICE; rounding++) {
        const edge_affine layer = {0.0123f, -7, rounding, 256};
        const edge_rows in = one_row(x, 256);
        const edge_rows between = one_row(real, sizeof real);
        edge_ref_dequantize_s8_f32(&layer, &in, 0, real, NULL);
        edge_ref_quantize_f32_s8(&layer, &between, 0, back, NULL);
        expect_each("round trip", x, back, 256);
    }
    expect("7 steps", 1, real[128] == 7 * 0.0123f);
}

int main(void) {
    test_add_and_subtract();
    test_zero_points_of_add();
    test_smaller_operand_repeats_and_output_replaces_the_other();
    test_multiply();
    test_lookup_reverses_in_place();
    test_requantize();
    test_quantize_rounds_halves_and_saturates();
    test_every_value_survives_dequantize_and_quantize();
    return failures;
}
