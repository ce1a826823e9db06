/* SPDX-License-Identifier: Apache-2.0
 *
 * A strip of up to 4 pixels times sparse weights: edge/mve_sparse.h. Missing pixels repeat the
 * last one, in the strip and here.
 */
#include "edge/mve_sparse.h"

#ifdef __ARM_FEATURE_MVE

static edge_mve_sparse_routine *chosen(const edge_requantize *q) {
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_mve_has_shifts(q) ? edge_mve_sparse_2x16_shifted : edge_mve_sparse_2x16_once;
    }
    return edge_mve_sparse_2x16_twice;
}

void edge_mve_sparse_multiply(const edge_requantize *q, const void *stream, const int8_t *strip,
                              int8_t *out, int32_t channels, int32_t pixels) {
    edge_mve_sparse sparse = {stream,         strip,        q->bias,      out,
                              out + channels, {0, 0, 0, 0}, q->zero_point};
    for (int32_t p = 1; p < EDGE_MVE_STRIP_PIXELS; p++) {
        sparse.distances[p] = (p < pixels ? p : pixels - 1) * channels;
    }
    chosen(q)(&sparse);
}

#endif
