/* SPDX-License-Identifier: Apache-2.0
 *
 * Product of two activations, int8, as ref/matmul_s8, with the mask of what was not clamped.
 */
#include "edge/kernels.h"
#include "edge/matmul.h"
#include "edge/train.h"

void edge_train_masked_matmul(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                              void *scratch) {
    const edge_matmul *layer = descriptor;
    const int32_t down = layer->b_transposed ? 1 : layer->columns;
    const int32_t across = layer->b_transposed ? layer->depth : 1;
    const int8_t *a = in[0].data, *b = in[1].data;
    edge_mask mask = {(uint8_t *)in[2].data, 0, 0};
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t row = 0; row < layer->batches * layer->rows; row++, a += layer->depth) {
        const int8_t *from = b + row / layer->rows * layer->depth * layer->columns;
        for (int32_t n = 0; n < layer->columns; n++) {
            const int32_t acc = edge_matmul_sum(layer, a, from + n * across, down);
            *to++ = edge_requantize_masked(&layer->requantize, 0, acc, &mask);
        }
    }
    edge_mask_end(&mask);
}
