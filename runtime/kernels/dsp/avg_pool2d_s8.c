/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling, int8, one output row: the sums of runtime/kernels/ref/avg_pool2d_s8.c taken for
 * 4 channels at a time as two words of int16 pairs.
 *
 * Accumulator: kernel_h * kernel_w <= 255, so |sum| <= 255 * 128 < 2^15.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"
#include "edge/requantize.h"

#ifdef __ARM_FEATURE_DSP

static int8_t average(const edge_pool2d *layer, int32_t total, int32_t count) {
    const edge_requantize *q = &layer->requantize;
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_requantized(q, count - 1, total - count * layer->in_zero_point);
    }
    const int32_t half = total < 0 ? -(count / 2) : count / 2;
    return (int8_t)edge_clamp((total + half) / count, q->minimum, q->maximum);
}

static void four_channels(const edge_pool2d *layer, const edge_rows *in,
                          const edge_dsp_window *window, int32_t c, int8_t *out) {
    const int32_t count = window->rows * window->columns;
    uint32_t even = 0, odd = 0;
    for (int32_t row = 0; row < window->rows; row++) {
        const int8_t *x = (const int8_t *)edge_row(in, window->y + row) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            const uint32_t word = edge_dsp_load(x);
            even = edge_dsp_add_even(even, word);
            odd = edge_dsp_add_odd(odd, word);
        }
    }
    out[0] = average(layer, (int16_t)even, count);
    out[1] = average(layer, (int16_t)odd, count);
    out[2] = average(layer, (int32_t)even >> 16, count);
    out[3] = average(layer, (int32_t)odd >> 16, count);
}

static void one_channel(const edge_pool2d *layer, const edge_rows *in,
                        const edge_dsp_window *window, int32_t c, int8_t *out) {
    int32_t sum = 0;
    for (int32_t row = 0; row < window->rows; row++) {
        const int8_t *x = (const int8_t *)edge_row(in, window->y + row) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            sum += *x;
        }
    }
    *out = average(layer, sum, window->rows * window->columns);
}

void edge_dsp_avg_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_pool2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->in_c) {
        const edge_dsp_window window =
            edge_dsp_joined(edge_dsp_window_of(layer, in, y, ox), layer, in);
        int32_t c = 0;
        for (; c + 4 <= layer->in_c; c += 4) {
            four_channels(layer, in, &window, c, to + c);
        }
        for (; c < layer->in_c; c++) {
            one_channel(layer, in, &window, c, to + c);
        }
    }
}

#endif
