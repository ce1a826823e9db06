/* SPDX-License-Identifier: Apache-2.0
 *
 * One row of a ring, which is the output and the first input at once, is written.
 */
#include "edge/decoder.h"
#include "edge/kernels.h"
#include "edge/memory.h"

void edge_ref_append(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    const edge_append *layer = descriptor;
    const int32_t row = edge_position(in + 2) % layer->window;
    (void)y;
    (void)scratch;
    EDGE_ASSERT(in[0].data == out);
    if (layer->pairs) {
        const char *from = in[1].data;
        char *to = (char *)out + edge_in_pairs(layer->bytes, row, 0);
        for (int32_t i = 0; i < layer->bytes; i += 2) {
            to[2 * i] = from[i];
            to[2 * i + 1] = from[i + 1];
        }
    } else {
        memcpy((char *)out + row * layer->bytes, in[1].data, (size_t)layer->bytes);
    }
}
