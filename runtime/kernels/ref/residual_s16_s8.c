/* SPDX-License-Identifier: Apache-2.0
 *
 * The int16 stream plus what a layer adds: out[i] = saturated (a[i] + (b[i] * multiplier >>
 * shift)).
 */
#include "edge/decoder.h"
#include "edge/kernels.h"

void edge_ref_residual_s16_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                              void *scratch) {
    const edge_residual *layer = descriptor;
    const int16_t *a = in[0].data;
    const int8_t *b = in[1].data;
    int16_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = edge_saturated16(a[i] + edge_into_stream(b[i], layer->multiplier, layer->shift));
    }
}
