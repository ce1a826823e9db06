/* SPDX-License-Identifier: Apache-2.0
 *
 * The input with `value` around it:
 *
 *     out[i0]..[i4] = in[i0 - before[0]]..[i4 - before[4]] where that lies inside, else value
 *
 * 0 <= i_k < before[k] + size[k] + after[k].
 */
#include "edge/f32.h"
#include "edge/kernels.h"

/* Where the input has the output element `index`; -1 in the padding. */
static int32_t source(const edge_pad_f32 *layer, int32_t index) {
    int32_t place = 0, step = 1;
    for (int32_t axis = EDGE_MAX_RANK - 1; axis >= 0; axis--) {
        const int32_t padded = layer->before[axis] + layer->size[axis] + layer->after[axis];
        const int32_t i = index % padded - layer->before[axis];
        if (i < 0 || i >= layer->size[axis]) {
            return -1;
        }
        place += i * step;
        step *= layer->size[axis];
        index /= padded;
    }
    return place;
}

void edge_ref_pad_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    const edge_pad_f32 *layer = descriptor;
    const float *x = in->data;
    float *to = out;
    int32_t elements = 1;
    (void)y;
    (void)scratch;
    for (int32_t axis = 0; axis < EDGE_MAX_RANK; axis++) {
        elements *= layer->before[axis] + layer->size[axis] + layer->after[axis];
    }
    for (int32_t i = 0; i < elements; i++) {
        const int32_t place = source(layer, i);
        to[i] = place < 0 ? layer->value : x[place];
    }
}
