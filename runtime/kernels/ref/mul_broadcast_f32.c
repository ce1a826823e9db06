/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiplication of operands of any shapes that broadcast, float32:
 *
 *     out[i0]..[i4] = a[sum of i_k * a_stride[k]] * b[sum of i_k * b_stride[k]] within the limits
 *
 * 0 <= i_k < size[k].
 */
#include "edge/broadcast.h"
#include "edge/f32.h"
#include "edge/kernels.h"

static void run(const edge_pair_broadcast_f32 *layer, const float *a, const float *b, float *out) {
    const int32_t a_step = layer->shape.a_stride[EDGE_BROADCAST_INNER];
    const int32_t b_step = layer->shape.b_stride[EDGE_BROADCAST_INNER];
    for (int32_t i = 0; i < layer->shape.size[EDGE_BROADCAST_INNER]; i++) {
        const float made = a[i * a_step] * b[i * b_step];
        out[i] = edge_limited_f32(made, layer->pair.minimum, layer->pair.maximum);
    }
}

void edge_ref_mul_broadcast_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_pair_broadcast_f32 *layer = descriptor;
    const edge_broadcast *shape = &layer->shape;
    const float *a = in[0].data, *b = in[1].data;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t r = 0; r < edge_broadcast_runs(shape); r++) {
        run(layer, a + edge_broadcast_start(shape, shape->a_stride, r),
            b + edge_broadcast_start(shape, shape->b_stride, r), to);
        to += shape->size[EDGE_BROADCAST_INNER];
    }
}
