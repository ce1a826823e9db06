/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean over all positions of an image, int8, one input row a call: the arithmetic of mean_s8.c.
 *
 * `scratch` holds the sums, int32[channels], from the call for the first row to that for the last,
 * which writes the output.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

static void add_row(const int8_t *x, int32_t positions, int32_t channels, int32_t *sums) {
    for (int32_t p = 0; p < positions; p++, x += channels) {
        for (int32_t c = 0; c < channels; c++) {
            sums[c] += x[c];
        }
    }
}

void edge_ref_mean_rows_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                           void *scratch) {
    const edge_mean *layer = descriptor;
    int32_t *sums = scratch;
    int8_t *to = out;
    EDGE_ASSERT(layer->requantize.per_channel == 0 && layer->positions % in->rows == 0);
    if (y == 0) {
        for (int32_t c = 0; c < layer->channels; c++) {
            sums[c] = layer->requantize.bias[0];
        }
    }
    add_row(edge_row(in, y), layer->positions / in->rows, layer->channels, sums);
    if (y + 1 == in->rows) {
        for (int32_t c = 0; c < layer->channels; c++) {
            to[c] = edge_requantized(&layer->requantize, 0, sums[c]);
        }
    }
}
