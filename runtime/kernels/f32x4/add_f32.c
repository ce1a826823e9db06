/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition or subtraction of tensors of one shape, float32; the arithmetic of
 * runtime/kernels/ref/add_f32.c.
 */
#include "edge/f32x4.h"
#include "edge/kernels.h"

void edge_f32x4_add_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_pair_f32 *layer = descriptor;
    const float *a = edge_operand_row(&in[0], y), *b = edge_operand_row(&in[1], y);
    const edge_f32x4 minimum = edge_f32x4_all(layer->minimum);
    const edge_f32x4 maximum = edge_f32x4_all(layer->maximum);
    float *to = out;
    int32_t i = 0;
    (void)scratch;
    EDGE_ASSERT(layer->a_size == layer->elements && layer->b_size == layer->elements);
    for (; i + EDGE_F32X4_LANES <= layer->elements; i += EDGE_F32X4_LANES) {
        const edge_f32x4 x = edge_f32x4_load(a + i), z = edge_f32x4_load(b + i);
        const edge_f32x4 made = layer->subtract ? x - z : x + z;
        edge_f32x4_store(to + i, edge_f32x4_limited(made, minimum, maximum));
    }
    for (; i < layer->elements; i++) {
        const float made = layer->subtract ? a[i] - b[i] : a[i] + b[i];
        to[i] = edge_limited_f32(made, layer->minimum, layer->maximum);
    }
}
