/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient in front of a clamp from int16 sums, scaled by channel:
 *
 *     out[i] = mask[i] * factor[i % channels] * gradient[i] * 2^power, brought to int8
 *
 * Slots: gradient, exponent, mask (NULL: all ones), factor int16 (NULL: all ones). May write over
 * its input: |values| < 2^30.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int32_t value(const int16_t *gradient, const uint8_t *mask, const int16_t *factor, int32_t i,
                     int32_t channel) {
    if (gradient[i] == 0 || (mask != NULL && !edge_bit(mask, i))) {
        return 0;
    }
    return factor != NULL ? gradient[i] * factor[channel] : gradient[i];
}

void edge_train_clip_wide_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const edge_elements *layer = descriptor;
    const int16_t *gradient = in[0].data;
    const uint8_t *mask = in[2].data;
    const int16_t *factor = in[3].data;
    const int32_t exponent = edge_exponent(&in[1]);
    int8_t *to = out;
    int32_t largest = 0;
    (void)y;
    (void)scratch;
    for (int32_t i = 0, c = 0; i < layer->elements; i++) {
        const int32_t magnitude = edge_magnitude(value(gradient, mask, factor, i, c));
        largest = magnitude > largest ? magnitude : largest;
        c = c + 1 == layer->channels ? 0 : c + 1;
    }
    const int32_t right = edge_excess_bits(largest, 7);
    for (int32_t i = 0, c = 0; i < layer->elements; i++) {
        to[i] = edge_narrow(value(gradient, mask, factor, i, c), right);
        c = c + 1 == layer->channels ? 0 : c + 1;
    }
    edge_set_exponent(&in[4], exponent + right + layer->power);
}
