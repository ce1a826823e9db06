/* SPDX-License-Identifier: Apache-2.0
 *
 * The next position; the last one stays.
 */
#include "edge/decoder.h"
#include "edge/kernels.h"

void edge_ref_advance(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    const edge_advance *layer = descriptor;
    const int32_t position = edge_position(in);
    (void)y;
    (void)scratch;
    *(int32_t *)out = position + 1 < layer->limit ? position + 1 : layer->limit - 1;
}
