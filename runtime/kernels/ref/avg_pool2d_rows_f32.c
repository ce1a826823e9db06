/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling over a whole image, float32, one input row a call: the arithmetic of
 * avg_pool2d_f32.c for a single window without padding.
 *
 * `scratch` holds the sums, float[in_c], from the call for the first row to that for the last,
 * which writes the output.
 */
#include "edge/f32.h"
#include "edge/kernels.h"

static void add_row(const edge_pool2d_f32 *layer, const float *x, float *sums) {
    for (int32_t ix = 0; ix < layer->in_w; ix++, x += layer->in_c) {
        for (int32_t c = 0; c < layer->in_c; c++) {
            sums[c] += x[c];
        }
    }
}

void edge_ref_avg_pool2d_rows_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_pool2d_f32 *layer = descriptor;
    float *sums = scratch, *to = out;
    EDGE_ASSERT(layer->kernel_h == in->rows && layer->kernel_w == layer->in_w);
    for (int32_t c = 0; y == 0 && c < layer->in_c; c++) {
        sums[c] = 0.0f;
    }
    add_row(layer, edge_row(in, y), sums);
    for (int32_t c = 0; y + 1 == in->rows && c < layer->in_c; c++) {
        const float made = sums[c] / (float)(in->rows * layer->in_w);
        to[c] = edge_limited_f32(made, layer->minimum, layer->maximum);
    }
}
