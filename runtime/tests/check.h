/* SPDX-License-Identifier: Apache-2.0
 *
 * Expectations of the unit tests: each prints what differs and counts it; main returns the count.
 */
#ifndef EDGE_TESTS_CHECK_H
#define EDGE_TESTS_CHECK_H

#include <stdint.h>
#include <stdio.h>

#include "edge/edge.h"

static int failures;

static inline void expect(const char *what, long expected, long actual) {
    if (expected != actual) {
        printf("%s: expected %ld, got %ld\n", what, expected, actual);
        failures++;
    }
}

static inline void expect_each(const char *what, const int8_t *expected, const int8_t *actual,
                               int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        if (expected[i] != actual[i]) {
            printf("%s[%d]: expected %d, got %d\n", what, (int)i, expected[i], actual[i]);
            failures++;
        }
    }
}

/* A tensor as a single row, for flat and whole kernels. */
static inline edge_rows one_row(const void *data, int32_t bytes) {
    const edge_rows rows = {data, bytes, 1, 1};
    return rows;
}

/* All rows of a window kernel. */
static inline void run_rows(edge_kernel *kernel, const void *layer, edge_rows in, int32_t rows,
                            void *out, int32_t row_bytes) {
    for (int32_t y = 0; y < rows; y++) {
        kernel(layer, &in, y, (char *)out + y * row_bytes, NULL);
    }
}

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))

#endif
