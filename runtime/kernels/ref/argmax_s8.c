/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of the first of the largest values.
 */
#include "edge/kernels.h"

void edge_ref_argmax_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_argmax *layer = descriptor;
    const int8_t *x = in->data;
    int32_t best = 0;
    (void)y;
    (void)scratch;
    for (int32_t i = 1; i < layer->elements; i++) {
        best = x[i] > x[best] ? i : best;
    }
    *(int32_t *)out = best;
}
