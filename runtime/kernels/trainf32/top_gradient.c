/* SPDX-License-Identifier: Apache-2.0
 *
 * Of a gradient [positions][channels] the channels with the largest sums of magnitudes, of equals
 * the first; the others become 0. May write over its input. Scratch: float[channels].
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

static int is_kept(const float *sums, int32_t channel, const edge_top_gradient *layer) {
    int32_t larger = 0;
    for (int32_t c = 0; c < layer->channels; c++) {
        larger += sums[c] > sums[channel] || (!(sums[c] < sums[channel]) && c < channel);
    }
    return larger < layer->keep;
}

static float sum_of(const float *gradient, const edge_top_gradient *layer) {
    float sum = 0.0f;
    for (int32_t p = layer->positions; p > 0; p--, gradient += layer->channels) {
        sum += *gradient < 0.0f ? -*gradient : *gradient;
    }
    return sum;
}

void edge_trainf32_top_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_top_gradient *layer = descriptor;
    const float *gradient = in[0].data;
    float *sums = scratch, *to = out;
    (void)y;
    for (int32_t c = 0; c < layer->channels; c++) {
        sums[c] = sum_of(gradient + c, layer);
    }
    for (int32_t c = 0; c < layer->channels; c++) {
        const int kept = is_kept(sums, c, layer);
        for (int32_t i = c; i < layer->positions * layer->channels; i += layer->channels) {
            to[i] = kept ? gradient[i] : 0.0f;
        }
    }
}
