/* SPDX-License-Identifier: Apache-2.0
 *
 * Any function of one int8 value as a table of its 256 results, 8 elements at a time:
 *
 *     out[i] = table[x[i] + 128]
 *
 * 4 elements are read completely before any is written.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

void edge_dsp_lookup_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_lookup *layer = descriptor;
    const int8_t *x = edge_row(in, y), *middle = layer->table + 128;
    const int32_t whole = layer->elements & ~7;
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    if (whole > 0) {
        edge_dsp_lookup_8(middle, x, to, to + whole);
    }
    for (int32_t i = whole; i < layer->elements; i++) {
        to[i] = middle[x[i]];
    }
}

#endif
