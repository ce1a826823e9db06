/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax against double precision: a step is 1/256, and the fixed point is exact to one step.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "edge/kernels.h"
#include "edge/reciprocal.h"

static void fill_table(int32_t *table, double scale) {
    table[0] = INT32_MAX;
    for (int d = 1; d < 256; d++) {
        table[d] = (int32_t)floor(exp(-d * scale) * 2147483648.0 + 0.5);
    }
}

static void expect_close(const int8_t *x, const int8_t *out, int32_t classes, double scale) {
    double sum = 0;
    long steps = 0;
    for (int32_t c = 0; c < classes; c++) {
        sum += exp(x[c] * scale);
        steps += out[c] + 128;
    }
    for (int32_t c = 0; c < classes; c++) {
        const double exact = fmin(exp(x[c] * scale) / sum * 256.0, 255.0);
        if (fabs(exact - (out[c] + 128)) > 0.51) {
            expect("step", (long)(exact + 0.5) - 128, out[c]);
        }
    }
    expect("sum of steps", 1, labs(steps - 256) <= 1 + classes / 2);
}

static void test_probabilities(void) {
    static const int32_t sizes[] = {1, 2, 3, 10, 12, 100, 1000};
    static const double scales[] = {0.003, 0.05, 0.25, 1.0};
    static int8_t x[1000];
    static int8_t out[1000];
    int32_t table[256];
    uint32_t random = 7;
    for (int32_t s = 0; s < COUNT(scales); s++) {
        fill_table(table, scales[s]);
        for (int32_t n = 0; n < COUNT(sizes); n++) {
            for (int32_t c = 0; c < sizes[n]; c++) {
                random = random * 1664525u + 1013904223u;
                x[c] = (int8_t)((int32_t)(random >> 24) - 128);
            }
            const edge_softmax layer = {table, 1, sizes[n]};
            const edge_rows in = one_row(x, sizes[n]);
            edge_ref_softmax_s8(&layer, &in, 0, out, NULL);
            expect_close(x, out, sizes[n], scales[s]);
        }
    }
}

static void test_equal_values_share_and_vectors_are_apart(void) {
    int8_t x[] = {5, 5, 5, 5, -128, -128, -128, -128, 127, -128, -128, -128};
    static const int8_t expected[] = {-64, -64, -64, -64,  -64,  -64,
                                      -64, -64, 127, -128, -128, -128};
    int32_t table[256];
    fill_table(table, 0.5);
    const edge_softmax layer = {table, 3, 4};
    const edge_rows in = one_row(x, COUNT(x));
    edge_ref_softmax_s8(&layer, &in, 0, x, NULL);
    expect_each("in place", expected, x, COUNT(x));
}

/* 4095 equal classes: the largest sum, and shares below half a step. */
static void test_most_classes(void) {
    enum { CLASSES = 4095 };
    static int8_t x[CLASSES];
    static int8_t out[CLASSES];
    static int8_t lowest[CLASSES];
    int32_t table[256];
    fill_table(table, 0.1);
    memset(lowest, -128, CLASSES);
    const edge_softmax layer = {table, 1, CLASSES};
    const edge_rows in = one_row(x, CLASSES);
    edge_ref_softmax_s8(&layer, &in, 0, out, NULL);
    expect_each("no share", lowest, out, CLASSES);
}

static void test_reciprocal(void) {
    for (int32_t i = 0; i < 1024; i++) {
        const int32_t x = i * (1 << 21);
        const double exact = 2147483648.0 / (1.0 + i / 1024.0);
        const double error = edge_reciprocal_of_one_plus(x) - exact;
        expect("reciprocal within 2^-27", 1, fabs(error) <= 16.0);
    }
}

int main(void) {
    test_probabilities();
    test_equal_values_share_and_vectors_are_apart();
    test_most_classes();
    test_reciprocal();
    return failures;
}
