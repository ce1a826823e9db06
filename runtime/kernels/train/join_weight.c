/* SPDX-License-Identifier: Apache-2.0
 *
 * The trained slice of a weight and the frozen rest, side by side:
 *
 *     out[o] = trained[o] then frozen[o], 0 <= o < outer
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train.h"

void edge_train_join_weight(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_join *layer = descriptor;
    const char *trained = in[0].data, *frozen = in[1].data;
    char *to = out;
    (void)y;
    (void)scratch;
    for (int32_t o = 0; o < layer->outer; o++) {
        memcpy(to, trained, (size_t)layer->trained);
        memcpy(to + layer->trained, frozen, (size_t)layer->frozen);
        trained += layer->trained;
        frozen += layer->frozen;
        to += layer->trained + layer->frozen;
    }
}
