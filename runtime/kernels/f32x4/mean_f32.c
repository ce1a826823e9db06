/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean over all positions, float32, at least 4 channels; the sums of
 * runtime/kernels/ref/mean_f32.c.
 *
 * Four channels at a time; the last four may overlap those before.
 */
#include "edge/f32x4.h"
#include "edge/kernels.h"

void edge_f32x4_mean_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                         void *scratch) {
    const edge_mean_f32 *layer = descriptor;
    const int32_t channels = layer->channels;
    const edge_f32x4 count = edge_f32x4_all((float)layer->positions);
    (void)y;
    (void)scratch;
    EDGE_ASSERT(channels >= EDGE_F32X4_LANES);
    for (int32_t c = 0; c < channels; c += EDGE_F32X4_LANES) {
        const int32_t left = channels - EDGE_F32X4_LANES, channel = c < left ? c : left;
        const float *x = (const float *)in->data + channel;
        edge_f32x4 sum = edge_f32x4_all(0.0f);
        for (int32_t p = 0; p < layer->positions; p++, x += channels) {
            sum += edge_f32x4_load(x);
        }
        edge_f32x4_store((float *)out + channel, sum / count);
    }
}
