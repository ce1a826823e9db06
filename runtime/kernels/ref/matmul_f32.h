/* SPDX-License-Identifier: Apache-2.0
 *
 * Product of two activations, float32, for each of `batches`:
 *
 *     out[m][n] = sum over k, upwards from 0, of a[m][k] * b[k][n]
 *
 * 0 <= m < rows, 0 <= n < columns, 0 <= k < depth; b is [columns][depth] where it is transposed.
 * The sum starts at 0.
 */
#ifndef EDGE_REF_MATMUL_F32_H
#define EDGE_REF_MATMUL_F32_H

#include "edge/f32_madd.h"

/* The row `a` times the column that begins at `b`, `step` floats from value to value. */
static float product(const float *a, const float *b, int32_t step, int32_t depth) {
    float sum = 0.0f;
    for (int32_t k = 0; k < depth; k++, b += step) {
        sum = edge_madd_f32(a[k], *b, sum);
    }
    return edge_finished_f32(sum);
}

static void multiply_matrices(const edge_matmul_f32 *layer, const edge_rows *in, int32_t y,
                              float *to) {
    const int32_t depth = layer->depth, columns = layer->columns;
    const int32_t down = layer->b_transposed ? 1 : columns;
    const int32_t across = layer->b_transposed ? depth : 1;
    const float *a = edge_row(&in[0], y), *b = edge_row(&in[1], y);
    EDGE_ASSERT(a != NULL && b != NULL);
    for (int32_t batch = 0; batch < layer->batches; batch++, b += depth * columns) {
        for (int32_t m = 0; m < layer->rows; m++, a += depth, to += columns) {
            for (int32_t n = 0; n < columns; n++) {
                to[n] = product(a, b + n * across, down, depth);
            }
        }
    }
}

#endif
