/* SPDX-License-Identifier: Apache-2.0
 *
 * Max pooling, int8, one output row:
 *
 *     out[ox][c] = clamp(max over ky, kx of x[iy][ix][c])
 *     iy = y * stride_h - pad_top + ky, ix = ox * stride_w - pad_left + kx
 *
 * 0 <= ky < kernel_h, 0 <= kx < kernel_w; positions outside the input do not count.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

/* The maximum of channel c over the columns of one kernel row inside the input, and `most`. */
static int32_t row_maximum(const edge_pool2d *layer, const int8_t *row, int32_t ix, int32_t c,
                           int32_t most) {
    const int32_t begin = ix < 0 ? 0 : ix;
    const int32_t end = ix + layer->kernel_w < layer->in_w ? ix + layer->kernel_w : layer->in_w;
    for (int32_t column = begin; column < end; column++) {
        const int32_t x = row[column * layer->in_c + c];
        most = x > most ? x : most;
    }
    return most;
}

static int32_t maximum(const edge_pool2d *layer, const edge_rows *in, int32_t y, int32_t ox,
                       int32_t c) {
    const int32_t iy = y * layer->stride_h - layer->pad_top;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    int32_t most = INT8_MIN;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++) {
        const int8_t *row = edge_row(in, iy + ky);
        if (row != NULL) {
            most = row_maximum(layer, row, ix, c, most);
        }
    }
    return most;
}

void edge_ref_max_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_pool2d *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        for (int32_t c = 0; c < layer->in_c; c++) {
            *to++ = (int8_t)edge_clamp(maximum(layer, in, y, ox, c), q->minimum, q->maximum);
        }
    }
}
