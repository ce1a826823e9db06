/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check.h"
#include "edge/kernels.h"

static const int8_t SIX[] = {1, 2, 3, 4, 5, 6}; /* [2][3] */

static void test_copy(void) {
    int8_t out[] = {0, 0, 0, 9};
    static const int8_t expected[] = {4, 5, 6, 9};
    const edge_copy layer = {3};
    const edge_rows in = {SIX, 3, 2, 2};
    edge_ref_copy(&layer, &in, 1, out, NULL);
    expect_each("second row", expected, out, 4);
}

static void test_transpose(void) {
    static const int8_t expected[] = {1, 4, 2, 5, 3, 6};
    const edge_strided layer = {{1, 1, 1, 3, 2}, {0, 0, 0, 1, 3}, 0, 1};
    const edge_rows in = one_row(SIX, 6);
    int8_t out[6];
    edge_ref_strided(&layer, &in, 0, out, NULL);
    expect_each("transposed", expected, out, 6);
}

/* [2][2][3] with axes (2, 0, 1): out[k][i][j] = in[i][j][k]. */
static void test_transpose_of_three_axes(void) {
    static const int8_t x[] = {0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112};
    static const int8_t expected[] = {0, 10, 100, 110, 1, 11, 101, 111, 2, 12, 102, 112};
    const edge_strided layer = {{1, 1, 3, 2, 2}, {0, 0, 1, 6, 3}, 0, 1};
    const edge_rows in = one_row(x, 12);
    int8_t out[12];
    edge_ref_strided(&layer, &in, 0, out, NULL);
    expect_each("transposed", expected, out, 12);
}

/* [1:4:2] of five floats, and columns 1..2 of [2][3]. */
static void test_slice(void) {
    static const float x[] = {0.5f, 1.5f, 2.5f, 3.5f, 4.5f};
    static const float expected[] = {1.5f, 3.5f};
    static const int8_t columns[] = {2, 3, 5, 6};
    const edge_strided steps = {{1, 1, 1, 1, 2}, {0, 0, 0, 0, 2}, 1, 4};
    const edge_strided inner = {{1, 1, 1, 2, 2}, {0, 0, 0, 3, 1}, 1, 1};
    const edge_rows floats = one_row(x, sizeof x);
    const edge_rows bytes = one_row(SIX, 6);
    float out[2];
    int8_t bytes_out[4];
    edge_ref_strided(&steps, &floats, 0, out, NULL);
    expect("floats", 0, memcmp(expected, out, sizeof out));
    edge_ref_strided(&inner, &bytes, 0, bytes_out, NULL);
    expect_each("columns", columns, bytes_out, 4);
}

static void test_pad(void) {
    static const int8_t expected[] = {7, 7, 7, 7, 7, 1, 2, 3, 7, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7, 7};
    const edge_pad layer = {{1, 1, 1, 2, 3}, {0, 0, 0, 1, 1}, {0, 0, 0, 2, 0}, 7};
    const edge_rows in = one_row(SIX, 6);
    int8_t out[20];
    edge_ref_pad_s8(&layer, &in, 0, out, NULL);
    expect_each("padded", expected, out, 20);
}

static void test_concat(void) {
    static const int8_t other[] = {-1, -2};
    static const int8_t expected[] = {1, 2, 3, -1, 4, 5, 6, -2};
    static const int32_t inner[] = {3, 1};
    const edge_concat layer = {inner, 2, 2};
    const edge_rows in[] = {one_row(SIX, 6), one_row(other, 2)};
    int8_t out[8];
    edge_ref_concat(&layer, in, 0, out, NULL);
    expect_each("side by side", expected, out, 8);
}

static void test_resize_nearest(void) {
    static const int16_t rows[] = {0, 0, 1};
    static const int16_t columns[] = {0, 2};
    static const int8_t expected[] = {1, 3, 1, 3, 4, 6};
    const edge_resize layer = {rows, columns, NULL, NULL, 2, 3, 3, 2, 1};
    const edge_rows in = one_row(SIX, 6);
    int8_t out[6];
    edge_ref_resize_nearest(&layer, &in, 0, out, NULL);
    expect_each("nearest", expected, out, 6);
}

/* Halfway between pixels of two channels, halves away from zero; the last row has no next. */
static void test_resize_bilinear(void) {
    static const int8_t x[] = {1, -1, 2, -2, 101, -101, 104, -104}; /* [2][2][2] */
    static const int16_t rows[] = {0, 0, 1};
    static const int16_t row_fraction[] = {0, 512, 512};
    static const int16_t columns[] = {0, 0};
    static const int16_t column_fraction[] = {0, 512};
    static const int8_t expected[] = {1, -1, 2, -2, 51, -51, 52, -52, 101, -101, 103, -103};
    const edge_resize layer = {rows, columns, row_fraction, column_fraction, 2, 2, 3, 2, 2};
    const edge_rows in = one_row(x, 8);
    int8_t out[12];
    edge_ref_resize_bilinear_s8(&layer, &in, 0, out, NULL);
    expect_each("bilinear", expected, out, 12);
}

int main(void) {
    test_copy();
    test_transpose();
    test_transpose_of_three_axes();
    test_slice();
    test_pad();
    test_concat();
    test_resize_nearest();
    test_resize_bilinear();
    return failures;
}
