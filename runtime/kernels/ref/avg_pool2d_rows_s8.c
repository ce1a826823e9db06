/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling over a whole image, int8, one input row a call: the arithmetic of
 * avg_pool2d_s8.c for a single window without padding.
 *
 * `scratch` holds the sums, int32[in_c], from the call for the first row to that for the last,
 * which writes the output. Accumulator: |sum| <= 128 * 255 * 255 < 2^24.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

static void add_row(const edge_pool2d *layer, const int8_t *x, int32_t *sums) {
    for (int32_t ix = 0; ix < layer->in_w; ix++, x += layer->in_c) {
        for (int32_t c = 0; c < layer->in_c; c++) {
            sums[c] += x[c];
        }
    }
}

static int8_t average(const edge_pool2d *layer, int32_t total, int32_t count) {
    const edge_requantize *q = &layer->requantize;
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_requantized(q, count - 1, total - count * layer->in_zero_point);
    }
    const int32_t half = total < 0 ? -(count / 2) : count / 2;
    return (int8_t)edge_clamp((total + half) / count, q->minimum, q->maximum);
}

void edge_ref_avg_pool2d_rows_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                 void *scratch) {
    const edge_pool2d *layer = descriptor;
    int32_t *sums = scratch;
    int8_t *to = out;
    EDGE_ASSERT(layer->kernel_h == in->rows && layer->kernel_w == layer->in_w);
    if (y == 0) {
        for (int32_t c = 0; c < layer->in_c; c++) {
            sums[c] = 0;
        }
    }
    add_row(layer, edge_row(in, y), sums);
    if (y + 1 == in->rows) {
        for (int32_t c = 0; c < layer->in_c; c++) {
            to[c] = average(layer, sums[c], in->rows * layer->in_w);
        }
    }
}
