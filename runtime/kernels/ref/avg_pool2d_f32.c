/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling, float32, one output row:
 *
 *     out[ox][c] = (sum over iy, ix, in this order, of x[iy][ix][c]) / count within the limits
 *
 * The sum starts at 0 and is taken over the `count` positions of the window that lie inside the
 * input: iy = y * stride_h - pad_top + ky, ix = ox * stride_w - pad_left + kx.
 */
#include "edge/f32.h"
#include "edge/kernels.h"

static float sum_of_row(const edge_pool2d_f32 *layer, const float *row, int32_t begin, int32_t end,
                        int32_t c, float sum) {
    for (int32_t ix = begin; ix < end; ix++) {
        sum += row[ix * layer->in_c + c];
    }
    return sum;
}

static float average(const edge_pool2d_f32 *layer, const edge_rows *in, int32_t y, int32_t ox,
                     int32_t c) {
    const int32_t iy = y * layer->stride_h - layer->pad_top;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    const int32_t begin = ix < 0 ? 0 : ix;
    const int32_t end = ix + layer->kernel_w < layer->in_w ? ix + layer->kernel_w : layer->in_w;
    int32_t count = 0;
    float sum = 0.0f;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++) {
        const float *row = edge_row(in, iy + ky);
        if (row != NULL) {
            sum = sum_of_row(layer, row, begin, end, c, sum);
            count += end - begin;
        }
    }
    EDGE_ASSERT(count > 0);
    return sum / (float)count;
}

void edge_ref_avg_pool2d_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const edge_pool2d_f32 *layer = descriptor;
    float *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        for (int32_t c = 0; c < layer->in_c; c++) {
            const float made = average(layer, in, y, ox, c);
            *to++ = edge_limited_f32(made, layer->minimum, layer->maximum);
        }
    }
}
