/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean over all positions of an image, float32, one input row a call: the arithmetic of mean_f32.c.
 *
 * `scratch` holds the sums, float[channels], from the call for the first row to that for the last,
 * which writes the output.
 */
#include "edge/f32.h"
#include "edge/kernels.h"

static void add_row(const float *x, int32_t positions, int32_t channels, float *sums) {
    for (int32_t p = 0; p < positions; p++, x += channels) {
        for (int32_t c = 0; c < channels; c++) {
            sums[c] += x[c];
        }
    }
}

void edge_ref_mean_rows_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_mean_f32 *layer = descriptor;
    float *sums = scratch, *to = out;
    EDGE_ASSERT(layer->positions % in->rows == 0);
    for (int32_t c = 0; y == 0 && c < layer->channels; c++) {
        sums[c] = 0.0f;
    }
    add_row(edge_row(in, y), layer->positions / in->rows, layer->channels, sums);
    for (int32_t c = 0; y + 1 == in->rows && c < layer->channels; c++) {
        to[c] = sums[c] / (float)layer->positions;
    }
}
