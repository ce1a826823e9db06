/* SPDX-License-Identifier: Apache-2.0
 *
 * Any function of one int8 value, as a table of its 256 results:
 *
 *     out[i] = table[x[i] + 128]
 *
 * 0 <= i < elements.
 */
#include "edge/kernels.h"

void edge_ref_lookup_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_lookup *layer = descriptor;
    const int8_t *x = edge_row(in, y);
    const int8_t *table = layer->table;
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = table[x[i] + 128];
    }
}
