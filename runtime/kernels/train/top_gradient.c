/* SPDX-License-Identifier: Apache-2.0
 *
 * Of a gradient [positions][channels] the channels with the largest sums of magnitudes, of equals
 * the first; the others become 0. May write over its input. Scratch: int32[channels].
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int is_kept(const int32_t *sums, int32_t channel, const edge_top_gradient *layer) {
    int32_t larger = 0;
    for (int32_t c = 0; c < layer->channels; c++) {
        larger += sums[c] > sums[channel] || (sums[c] == sums[channel] && c < channel);
    }
    return larger < layer->keep;
}

static int32_t sum_of(const int8_t *gradient, const edge_top_gradient *layer) {
    int32_t sum = 0;
    for (int32_t p = layer->positions; p > 0; p--, gradient += layer->channels) {
        sum += edge_magnitude(*gradient);
    }
    return sum;
}

void edge_train_top_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const edge_top_gradient *layer = descriptor;
    const int8_t *gradient = in[0].data;
    int32_t *sums = scratch;
    int8_t *to = out;
    (void)y;
    for (int32_t c = 0; c < layer->channels; c++) {
        sums[c] = sum_of(gradient + c, layer);
    }
    for (int32_t c = 0; c < layer->channels; c++) {
        const int kept = is_kept(sums, c, layer);
        for (int32_t i = c; i < layer->positions * layer->channels; i += layer->channels) {
            to[i] = kept ? gradient[i] : 0;
        }
    }
}
