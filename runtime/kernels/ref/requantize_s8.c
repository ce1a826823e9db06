/* SPDX-License-Identifier: Apache-2.0
 *
 * From one int8 quantization to another:
 *
 *     out[i] = requantized x[i] - in_zero_point
 *
 * 0 <= i < elements.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

void edge_ref_requantize_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_rescale *layer = descriptor;
    const int8_t *x = edge_row(in, y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL && layer->requantize.per_channel == 0);
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = edge_requantized(&layer->requantize, 0, x[i] - layer->in_zero_point);
    }
}
