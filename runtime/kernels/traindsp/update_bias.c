/* SPDX-License-Identifier: Apache-2.0
 *
 * train/update_bias, 4 channels at a time, summed as int16: channels are a multiple of 4, positions
 * at most 256.
 */
#include "edge/kernels.h"
#include "edge/train_dsp.h"

#ifdef __ARM_FEATURE_DSP

enum { CHANNELS = 4 };

static void columns(int32_t *sums, const int8_t *gradient, int32_t positions, int32_t pitch) {
    uint32_t even = 0, odd = 0;
    for (; positions > 0; positions--, gradient += pitch) {
        const uint32_t word = edge_dsp_load(gradient);
        even = edge_dsp_add_even(even, word);
        odd = edge_dsp_add_odd(odd, word);
    }
    sums[0] = edge_train_low(even);
    sums[1] = edge_train_low(odd);
    sums[2] = edge_train_high(even);
    sums[3] = edge_train_high(odd);
}

void edge_traindsp_update_bias(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_update_bias *layer = descriptor;
    const int8_t *gradient = in[0].data, *shift = in[4].data;
    const int16_t *mantissa = in[3].data;
    const int32_t exponent = edge_exponent(&in[1]), limit = layer->limit;
    int32_t *bias = out, sums[CHANNELS];
    (void)y;
    (void)scratch;
    for (int32_t c = 0; c < layer->channels; c++) {
        if (c % CHANNELS == 0) {
            columns(sums, gradient + c, layer->positions, layer->channels);
        }
        if (mantissa[c] != 0) {
            edge_move_bias(&bias[c], limit,
                           edge_fixed_step(sums[c % CHANNELS], mantissa[c], shift[c], exponent));
        }
    }
}

#endif
