/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean over all positions, int8, as ref/mean_s8, with the mask of what was not clamped.
 */
#include "edge/kernels.h"
#include "edge/train.h"

void edge_train_masked_mean(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_mean *layer = descriptor;
    const int8_t *x = in[0].data;
    edge_mask mask = {(uint8_t *)in[1].data, 0, 0};
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t c = 0; c < layer->channels; c++) {
        int32_t acc = layer->requantize.bias[0];
        for (int32_t p = 0; p < layer->positions; p++) {
            acc += x[p * layer->channels + c];
        }
        to[c] = edge_requantize_masked(&layer->requantize, 0, acc, &mask);
    }
    edge_mask_end(&mask);
}
