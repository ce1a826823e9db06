/* SPDX-License-Identifier: Apache-2.0
 *
 * train/update_linear_weight, 4 input channels at a time. in_c is a multiple of 4. Scratch: 8 bytes
 * for each position.
 */
#include "edge/kernels.h"
#include "edge/train_dsp.h"

#ifdef __ARM_FEATURE_DSP

enum { CHANNELS = 4 };

static void move_all(int8_t *high, uint8_t *low, const int32_t *sums, int32_t mantissa,
                     int32_t shift, int32_t exponent) {
    for (int32_t i = 0; i < CHANNELS; i++) {
        edge_move_weight(&high[i], &low[i], edge_fixed_step(sums[i], mantissa, shift, exponent));
    }
}

/* One channel's gradients as taps of 4 channels that are all the same. */
static void spread(uint32_t *taps, const int8_t *gradient, int32_t pitch, int32_t positions) {
    for (; positions > 0; positions--, gradient += pitch, taps += 2) {
        taps[0] = taps[1] = edge_train_both(*gradient);
    }
}

void edge_traindsp_update_linear_weight(const void *descriptor, const edge_rows *in, int32_t y,
                                        void *out, void *scratch) {
    const edge_update_weight *layer = descriptor;
    const edge_window *s = &layer->window;
    const int8_t *gradient = in[0].data, *x = in[2].data, *shift = in[6].data;
    const int16_t *mantissa = in[5].data;
    const int32_t inputs = s->in_c, exponent = edge_exponent(&in[1]);
    const int32_t positions = s->out_h * s->out_w;
    int8_t *high = out;
    uint8_t *low = (uint8_t *)in[4].data;
    (void)y;
    for (int32_t oc = 0; oc < s->out_c; oc++) {
        const int moves = mantissa[oc] != 0 && edge_has_gradient(s, gradient + oc);
        spread(scratch, gradient + oc, s->out_c, positions);
        for (int32_t ic = 0; ic < inputs; ic += CHANNELS, high += CHANNELS, low += CHANNELS) {
            int32_t sums[CHANNELS] = {0};
            const edge_train_taps taps = {
                x + ic, scratch, inputs, edge_train_both(-layer->in_zero_point), positions, 1,
                0,      0,       sums};
            if (moves) {
                edge_traindsp_taps_4(&taps);
                move_all(high, low, sums, mantissa[oc], shift[oc], exponent);
            }
        }
    }
}

#endif
