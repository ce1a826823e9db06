/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors side by side along one axis; all have the same scale and zero point:
 *
 *     out[o] = in_0[o], in_1[o], ... with inner[k] bytes of input k
 *
 * 0 <= o < outer, the product of the axes before the one that is joined.
 */
#include "edge/kernels.h"
#include "edge/memory.h"

void edge_ref_concat(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    const edge_concat *layer = descriptor;
    char *to = out;
    (void)y;
    (void)scratch;
    for (int32_t o = 0; o < layer->outer; o++) {
        for (int32_t k = 0; k < layer->inputs; k++) {
            const int32_t bytes = layer->inner[k];
            memcpy(to, (const char *)in[k].data + o * bytes, (size_t)bytes);
            to += bytes;
        }
    }
}
