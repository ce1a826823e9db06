/* SPDX-License-Identifier: Apache-2.0
 *
 * Slice, from the gradient of the output to that of the input: zero where the slice took nothing.
 * int8 or float32.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train.h"

void edge_train_slice_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_scatter *layer = descriptor;
    const edge_strided *s = &layer->strided;
    const char *gradient = in[0].data;
    const size_t bytes = (size_t)s->element_bytes;
    (void)y;
    (void)scratch;
    memset(out, 0, (size_t)layer->elements * bytes);
    for (int32_t a = 0; a < s->size[0]; a++) {
        for (int32_t b = 0; b < s->size[1]; b++) {
            for (int32_t c = 0; c < s->size[2]; c++) {
                for (int32_t d = 0; d < s->size[3]; d++) {
                    const int32_t row = s->offset + a * s->stride[0] + b * s->stride[1] +
                                        c * s->stride[2] + d * s->stride[3];
                    for (int32_t e = 0; e < s->size[4]; e++, gradient += bytes) {
                        char *to = (char *)out + (size_t)(row + e * s->stride[4]) * bytes;
                        memcpy(to, gradient, bytes);
                    }
                }
            }
        }
    }
}
