/* SPDX-License-Identifier: Apache-2.0
 *
 * int8 to float32:
 *
 *     out[i] = (x[i] - zero_point) * scale
 *
 * 0 <= i < elements; one float32 multiplication.
 */
#include "edge/kernels.h"

void edge_ref_dequantize_s8_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_affine *layer = descriptor;
    const int8_t *x = edge_row(in, y);
    float *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = (float)(x[i] - layer->zero_point) * layer->scale;
    }
}
