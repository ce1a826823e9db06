/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean over all positions, int8:
 *
 *     out[c] = requantized (bias[0] + sum over p of x[p][c])
 *
 * 0 <= p < positions; bias[0] = -positions * input zero point, and the multiplier holds the
 * division by positions.
 *
 * Accumulator: |bias[0]| + 128 * positions <= 2^8 * positions < 2^31 for positions < 2^23.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

void edge_ref_mean_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    const edge_mean *layer = descriptor;
    const int8_t *x = in->data;
    int8_t *to = out;
    (void)y;
    (void)scratch;
    EDGE_ASSERT(layer->requantize.per_channel == 0 && layer->positions < (1 << 23));
    for (int32_t c = 0; c < layer->channels; c++) {
        int32_t acc = layer->requantize.bias[0];
        for (int32_t p = 0; p < layer->positions; p++) {
            acc += x[p * layer->channels + c];
        }
        to[c] = edge_requantized(&layer->requantize, 0, acc);
    }
}
