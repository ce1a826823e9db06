/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean over all positions, int8, 8 channels at a time:
 *
 *     out[c] = requantized (bias[0] + sum over p of x[p][c])
 *
 * Accumulator: int16 over at most 255 positions, then int32.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

#ifdef __ARM_FEATURE_MVE

#include <arm_mve.h>

#define POSITIONS_IN_INT16 255
#define LANES 8

static void add_positions(const int8_t *x, int32_t positions, int32_t pitch, mve_pred16_t present,
                          int32_t sums[LANES]) {
    int16x8_t sum = vdupq_n_s16(0);
    int16_t parts[LANES];
    for (; positions > 0; positions--, x += pitch) {
        sum = vaddq_s16(sum, vldrbq_z_s16(x, present));
    }
    vst1q_s16(parts, sum);
    for (int32_t i = 0; i < LANES; i++) {
        sums[i] += parts[i];
    }
}

static void eight_channels(const edge_mean *layer, const int8_t *x, int32_t channels, int8_t *out) {
    const mve_pred16_t present = vctp16q((uint32_t)channels);
    int32_t sums[LANES] = {0};
    for (int32_t left = layer->positions; left > 0; left -= POSITIONS_IN_INT16) {
        const int32_t some = left < POSITIONS_IN_INT16 ? left : POSITIONS_IN_INT16;
        add_positions(x, some, layer->channels, present, sums);
        x += some * layer->channels;
    }
    for (int32_t i = 0; i < channels; i++) {
        out[i] = edge_requantized(&layer->requantize, 0, layer->requantize.bias[0] + sums[i]);
    }
}

void edge_mve_mean_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    const edge_mean *layer = descriptor;
    const int8_t *x = in->data;
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t c = 0; c < layer->channels; c += LANES) {
        const int32_t left = layer->channels - c;
        eight_channels(layer, x + c, left < LANES ? left : LANES, to + c);
    }
}

#endif
