/* SPDX-License-Identifier: Apache-2.0
 *
 * The input with `value` around it:
 *
 *     out[i0]..[i4] = in[i0 - before[0]]..[i4 - before[4]] where that lies inside, else value
 *
 * 0 <= i_k < before[k] + size[k] + after[k].
 */
#include "edge/kernels.h"
#include "edge/memory.h"

enum { INNER = EDGE_MAX_RANK - 1 };

static int32_t padded(const edge_pad *layer, int32_t axis) {
    return layer->before[axis] + layer->size[axis] + layer->after[axis];
}

/* Where the output takes the run of the last axis with the number `run`. */
static int32_t place_of_run(const edge_pad *layer, int32_t run) {
    int32_t place = layer->before[INNER];
    int32_t step = padded(layer, INNER);
    for (int32_t axis = INNER - 1; axis >= 0; axis--) {
        place += (run % layer->size[axis] + layer->before[axis]) * step;
        run /= layer->size[axis];
        step *= padded(layer, axis);
    }
    return place;
}

void edge_ref_pad_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    const edge_pad *layer = descriptor;
    const int8_t *x = in->data;
    int8_t *to = out;
    int32_t runs = 1;
    int32_t elements = padded(layer, INNER);
    (void)y;
    (void)scratch;
    for (int32_t axis = 0; axis < INNER; axis++) {
        runs *= layer->size[axis];
        elements *= padded(layer, axis);
    }
    memset(to, layer->value, (size_t)elements);
    for (int32_t run = 0; run < runs; run++, x += layer->size[INNER]) {
        memcpy(to + place_of_run(layer, run), x, (size_t)layer->size[INNER]);
    }
}
