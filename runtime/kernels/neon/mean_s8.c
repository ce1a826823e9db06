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
#include "scale.h"

#ifdef __ARM_NEON

enum { GROUP = 8, POSITIONS_IN_INT16 = 255 };

static int16x8_t sum_of(const int8_t *x, int32_t positions, int32_t channels) {
    int16x8_t sum = vdupq_n_s16(0);
    for (; positions > 0; positions--, x += channels) {
        sum = vaddw_s8(sum, vld1_s8(x));
    }
    return sum;
}

static void make_8(const edge_mean *layer, const edge_neon_output *output, const int8_t *x,
                   int8_t *out) {
    const edge_requantize *q = &layer->requantize;
    const int32_t form = q->rounding == EDGE_ROUND_ONCE ? EDGE_NEON_NEAREST : EDGE_NEON_TWICE;
    int32x4_t low = vdupq_n_s32(q->bias[0]), high = low;
    for (int32_t left = layer->positions; left > 0; left -= POSITIONS_IN_INT16) {
        const int32_t some = left < POSITIONS_IN_INT16 ? left : POSITIONS_IN_INT16;
        const int16x8_t sum = sum_of(x, some, layer->channels);
        low = vaddw_s16(low, vget_low_s16(sum));
        high = vaddw_s16(high, vget_high_s16(sum));
        x += some * layer->channels;
    }
    low = edge_neon_scaled_alike(low, q->multiplier[0], q->shift[0], form);
    high = edge_neon_scaled_alike(high, q->multiplier[0], q->shift[0], form);
    vst1_s8(out, edge_neon_output_8(output, low, high));
}

static int8_t make_1(const edge_mean *layer, const int8_t *x) {
    int32_t sum = layer->requantize.bias[0];
    for (int32_t p = 0; p < layer->positions; p++, x += layer->channels) {
        sum += *x;
    }
    return edge_requantized(&layer->requantize, 0, sum);
}

void edge_neon_mean_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                       void *scratch) {
    const edge_mean *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const edge_neon_output output = edge_neon_output_of(q->zero_point, q->minimum, q->maximum);
    const int8_t *x = in->data;
    int8_t *to = out;
    int32_t c = 0;
    (void)y;
    (void)scratch;
    for (; c + GROUP <= layer->channels; c += GROUP) {
        make_8(layer, &output, x + c, to + c);
    }
    for (; c < layer->channels; c++) {
        to[c] = make_1(layer, x + c);
    }
}

#endif
