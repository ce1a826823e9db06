/* SPDX-License-Identifier: Apache-2.0
 *
 * Bilinear resize, int8, as the integer LiteRT reference kernel:
 *
 *     t = x00 (1 - fy) (1 - fx) + x10 fy (1 - fx) + x01 (1 - fy) fx + x11 fy fx
 *     out[oy][ox][c] = t rounded half away from zero
 *
 * x_ab is x[row_index[oy] + a][column_index[ox] + b][c], indices limited to the input; fy and fx
 * are row_fraction[oy] and column_fraction[ox] in Q10. 0 <= oy < out_h, 0 <= ox < out_w,
 * 0 <= c < channels.
 *
 * Accumulator: the four weights add up to 2^20, so |t| <= 2^27.
 */
#include "edge/kernels.h"

enum { ONE = 1 << 10 };

/* Two neighbours along one axis and the weight of the second. */
typedef struct {
    int32_t low, high, fraction;
} between;

static between neighbours(const int16_t *index, const int16_t *fraction, int32_t i, int32_t size) {
    const int32_t low = index[i];
    const between pair = {low, low + 1 < size ? low + 1 : low, fraction[i]};
    return pair;
}

/* Along one row, in Q10. */
static int32_t along(const int8_t *row, between columns, int32_t channels, int32_t c) {
    return row[columns.low * channels + c] * (ONE - columns.fraction) +
           row[columns.high * channels + c] * columns.fraction;
}

static int8_t rounded_from_q20(int32_t t) {
    const int32_t half = t < 0 ? -(1 << 19) : 1 << 19;
    return (int8_t)((t + half) / (1 << 20));
}

void edge_ref_resize_bilinear_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                 void *scratch) {
    const edge_resize *layer = descriptor;
    const int32_t row_bytes = layer->in_w * layer->channels;
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t oy = 0; oy < layer->out_h; oy++) {
        const between rows = neighbours(layer->row_index, layer->row_fraction, oy, layer->in_h);
        const int8_t *top = (const int8_t *)in->data + rows.low * row_bytes;
        const int8_t *bottom = (const int8_t *)in->data + rows.high * row_bytes;
        for (int32_t ox = 0; ox < layer->out_w; ox++) {
            const between columns =
                neighbours(layer->column_index, layer->column_fraction, ox, layer->in_w);
            for (int32_t c = 0; c < layer->channels; c++) {
                *to++ = rounded_from_q20(
                    along(top, columns, layer->channels, c) * (ONE - rows.fraction) +
                    along(bottom, columns, layer->channels, c) * rows.fraction);
            }
        }
    }
}
