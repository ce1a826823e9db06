/* SPDX-License-Identifier: Apache-2.0
 *
 * Transpose and slice, a gather of units of element_bytes:
 *
 *     out[i0]..[i4] = in[offset + i0 * stride[0] + .. + i4 * stride[4]]
 *
 * 0 <= i_k < size[k]; the output is contiguous.
 */
#include "edge/kernels.h"
#include "edge/memory.h"

enum { INNER = EDGE_MAX_RANK - 1 };

/* The first element of the run of the last axis with the number `run`, as index into the input. */
static int32_t first_of_run(const edge_strided *layer, int32_t run) {
    int32_t index = layer->offset;
    for (int32_t axis = INNER - 1; axis >= 0; axis--) {
        index += run % layer->size[axis] * layer->stride[axis];
        run /= layer->size[axis];
    }
    return index;
}

static void gather(const char *from, int32_t stride_bytes, int32_t count, int32_t element_bytes,
                   char *to) {
    for (int32_t i = 0; i < count; i++, from += stride_bytes) {
        for (int32_t byte = 0; byte < element_bytes; byte++) {
            *to++ = from[byte];
        }
    }
}

void edge_ref_strided(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    const edge_strided *layer = descriptor;
    const int32_t width = layer->element_bytes;
    const int32_t run_bytes = layer->size[INNER] * width;
    char *to = out;
    int32_t runs = 1;
    (void)y;
    (void)scratch;
    for (int32_t axis = 0; axis < INNER; axis++) {
        runs *= layer->size[axis];
    }
    for (int32_t run = 0; run < runs; run++, to += run_bytes) {
        const char *from = (const char *)in->data + first_of_run(layer, run) * width;
        if (layer->stride[INNER] == 1) {
            memcpy(to, from, (size_t)run_bytes);
        } else {
            gather(from, layer->stride[INNER] * width, layer->size[INNER], width, to);
        }
    }
}
