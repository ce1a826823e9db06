/* SPDX-License-Identifier: Apache-2.0
 *
 * A row of a table as int16: out[i] = saturated (table[t][i] * multiplier[t] >> shift, half up).
 */
#include "edge/decoder.h"
#include "edge/kernels.h"

void edge_ref_embedding_s8_s16(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_embedding *layer = descriptor;
    const int32_t token = edge_token(layer, in);
    const int32_t multiplier = layer->multiplier[token * layer->per_row];
    const int8_t *row = (const int8_t *)layer->table + token * layer->width;
    int16_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < layer->width; i++) {
        to[i] = edge_saturated16(edge_into_stream(row[i], multiplier, layer->shift));
    }
}
