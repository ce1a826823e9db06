/* SPDX-License-Identifier: Apache-2.0
 *
 * Product of two activations, int8, for each of `batches`:
 *
 *     acc[m][n] = sum over k of (a[m][k] - a_zero_point) * (b[k][n] - b_zero_point)
 *     out[m][n] = requantized acc
 *
 * 0 <= m < rows, 0 <= n < columns, 0 <= k < depth; b is [columns][depth] where it is transposed.
 *
 * Accumulator: at most 255 * 255 * depth < 2^31, which is checked when the constants are made.
 */
#include "edge/kernels.h"
#include "edge/matmul.h"
#include "edge/requantize.h"

static void row(const edge_matmul *layer, const int8_t *a, const int8_t *b, int8_t *out) {
    const int32_t down = layer->b_transposed ? 1 : layer->columns;
    const int32_t across = layer->b_transposed ? layer->depth : 1;
    for (int32_t n = 0; n < layer->columns; n++, b += across) {
        out[n] = edge_requantized(&layer->requantize, 0, edge_matmul_sum(layer, a, b, down));
    }
}

void edge_ref_matmul_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_matmul *layer = descriptor;
    const int8_t *a = edge_row(&in[0], y);
    const int8_t *b = edge_row(&in[1], y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(a != NULL && b != NULL && layer->requantize.per_channel == 0);
    for (int32_t batch = 0; batch < layer->batches; batch++, b += layer->depth * layer->columns) {
        for (int32_t m = 0; m < layer->rows; m++, a += layer->depth, to += layer->columns) {
            row(layer, a, b, to);
        }
    }
}
