/* SPDX-License-Identifier: Apache-2.0
 *
 * Bilinear resize, float32:
 *
 *     v_b = x0b * (1 - fy) + x1b * fy
 *     out[oy][ox][c] = v_0 * (1 - fx) + v_1 * fx
 *
 * x_ab is x[row_index[oy] + a][column_index[ox] + b][c], indices limited to the input; fy and fx
 * are row_fraction[oy] and column_fraction[ox]. 0 <= oy < out_h, 0 <= ox < out_w, 0 <= c <
 * channels.
 */
#include "edge/f32.h"
#include "edge/kernels.h"

static float mixed(float low, float high, float fraction) {
    return low * (1.0f - fraction) + high * fraction;
}

static int32_t following(int32_t index, int32_t size) {
    return index + 1 < size ? index + 1 : index;
}

void edge_ref_resize_bilinear_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_resize_f32 *layer = descriptor;
    const int32_t channels = layer->channels, row = layer->in_w * channels;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t oy = 0; oy < layer->out_h; oy++) {
        const float *top = (const float *)in->data + layer->row_index[oy] * row;
        const float *bottom =
            (const float *)in->data + following(layer->row_index[oy], layer->in_h) * row;
        for (int32_t ox = 0; ox < layer->out_w; ox++) {
            const int32_t left = layer->column_index[ox];
            const int32_t right = following(left, layer->in_w);
            for (int32_t c = 0; c < channels; c++) {
                const int32_t l = left * channels + c, r = right * channels + c;
                *to++ = mixed(mixed(top[l], bottom[l], layer->row_fraction[oy]),
                              mixed(top[r], bottom[r], layer->row_fraction[oy]),
                              layer->column_fraction[ox]);
            }
        }
    }
}
