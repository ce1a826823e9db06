/* SPDX-License-Identifier: Apache-2.0
 *
 * Another quantization, int8, as ref/requantize_s8, with the mask of what was not clamped.
 */
#include "edge/kernels.h"
#include "edge/train.h"

void edge_train_masked_requantize(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_rescale *layer = descriptor;
    const int8_t *x = in[0].data;
    edge_mask mask = {(uint8_t *)in[1].data, 0, 0};
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = edge_requantize_masked(&layer->requantize, 0, x[i] - layer->in_zero_point, &mask);
    }
    edge_mask_end(&mask);
}
