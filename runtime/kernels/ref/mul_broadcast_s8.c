/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiplication of operands of any shapes that broadcast, int8:
 *
 *     out[i0]..[i4] = requantized (a[sum of i_k * a_stride[k]] - a_zero_point) *
 *                                 (b[sum of i_k * b_stride[k]] - b_zero_point)
 *
 * 0 <= i_k < size[k]. Accumulator: at most 255 * 255.
 */
#include "edge/broadcast.h"
#include "edge/kernels.h"
#include "edge/requantize.h"

static void run(const edge_mul_broadcast *layer, const int8_t *a, const int8_t *b, int8_t *out) {
    const edge_mul *mul = &layer->mul;
    const int32_t a_step = layer->shape.a_stride[EDGE_BROADCAST_INNER];
    const int32_t b_step = layer->shape.b_stride[EDGE_BROADCAST_INNER];
    for (int32_t i = 0; i < layer->shape.size[EDGE_BROADCAST_INNER]; i++) {
        const int32_t acc =
            (a[i * a_step] - mul->a_zero_point) * (b[i * b_step] - mul->b_zero_point);
        out[i] = edge_requantized(&mul->requantize, 0, acc);
    }
}

void edge_ref_mul_broadcast_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_mul_broadcast *layer = descriptor;
    const edge_broadcast *shape = &layer->shape;
    const int8_t *a = in[0].data, *b = in[1].data;
    int8_t *to = out;
    (void)y;
    (void)scratch;
    EDGE_ASSERT(layer->mul.requantize.per_channel == 0);
    for (int32_t r = 0; r < edge_broadcast_runs(shape); r++) {
        run(layer, a + edge_broadcast_start(shape, shape->a_stride, r),
            b + edge_broadcast_start(shape, shape->b_stride, r), to);
        to += shape->size[EDGE_BROADCAST_INNER];
    }
}
