/* SPDX-License-Identifier: Apache-2.0
 *
 * Max pooling, float32, one output row:
 *
 *     out[ox][c] = max over ky, kx of x[iy][ix][c], within the limits
 *     iy = y * stride_h - pad_top + ky, ix = ox * stride_w - pad_left + kx
 *
 * 0 <= ky < kernel_h, 0 <= kx < kernel_w; positions outside the input do not count. Of equal values
 * (0 and -0) the first one stays.
 */
#include "edge/f32.h"
#include "edge/kernels.h"

static float row_maximum(const edge_pool2d_f32 *layer, const float *row, int32_t ix, int32_t c,
                         float most) {
    const int32_t begin = ix < 0 ? 0 : ix;
    const int32_t end = ix + layer->kernel_w < layer->in_w ? ix + layer->kernel_w : layer->in_w;
    for (int32_t column = begin; column < end; column++) {
        const float x = row[column * layer->in_c + c];
        most = x > most ? x : most;
    }
    return most;
}

static float maximum(const edge_pool2d_f32 *layer, const edge_rows *in, int32_t y, int32_t ox,
                     int32_t c) {
    const int32_t iy = y * layer->stride_h - layer->pad_top;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    float most = -EDGE_INFINITY;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++) {
        const float *row = edge_row(in, iy + ky);
        if (row != NULL) {
            most = row_maximum(layer, row, ix, c, most);
        }
    }
    return most;
}

void edge_ref_max_pool2d_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const edge_pool2d_f32 *layer = descriptor;
    float *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        for (int32_t c = 0; c < layer->in_c; c++) {
            const float most = maximum(layer, in, y, ox, c);
            *to++ = edge_limited_f32(most, layer->minimum, layer->maximum);
        }
    }
}
