/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition or subtraction of operands of any shapes that broadcast, int8:
 *
 *     out[i0]..[i4] = a[sum of i_k * a_stride[k]] +- b[sum of i_k * b_stride[k]]
 *
 * 0 <= i_k < size[k]; the arithmetic of one sum is in edge/add.h.
 */
#include "edge/add.h"
#include "edge/broadcast.h"
#include "edge/kernels.h"

static void run(const edge_add_broadcast *layer, const int8_t *a, const int8_t *b, int8_t *out) {
    const int32_t a_step = layer->shape.a_stride[EDGE_BROADCAST_INNER];
    const int32_t b_step = layer->shape.b_stride[EDGE_BROADCAST_INNER];
    for (int32_t i = 0; i < layer->shape.size[EDGE_BROADCAST_INNER]; i++) {
        out[i] = edge_added(&layer->add, a[i * a_step], b[i * b_step]);
    }
}

void edge_ref_add_broadcast_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_add_broadcast *layer = descriptor;
    const edge_broadcast *shape = &layer->shape;
    const int8_t *a = in[0].data, *b = in[1].data;
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t r = 0; r < edge_broadcast_runs(shape); r++) {
        run(layer, a + edge_broadcast_start(shape, shape->a_stride, r),
            b + edge_broadcast_start(shape, shape->b_stride, r), to);
        to += shape->size[EDGE_BROADCAST_INNER];
    }
}
