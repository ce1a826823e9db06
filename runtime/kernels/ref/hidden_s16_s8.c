/* SPDX-License-Identifier: Apache-2.0
 *
 * Hidden values of an lstm: out[t][u] = clamp8((in[t][u] + 8) >> 4), in [steps][2 * units].
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

void edge_ref_hidden_s16_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_hidden *layer = descriptor;
    const int16_t *from = in[0].data;
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t t = 0; t < layer->steps; t++, from += 2 * layer->units) {
        for (int32_t u = 0; u < layer->units; u++) {
            *to++ = (int8_t)edge_clamp((from[u] + 8) >> 4, INT8_MIN, INT8_MAX);
        }
    }
}
