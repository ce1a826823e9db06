/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution of a window that is the whole input: one output a channel, as in a network
 * that is fed row by row. The same bits as ref/depthwise_conv2d_s8.c.
 *
 * Weights [channels / 4][pairs][4] words: the halfwords of two taps of a channel, the second 0
 * where the number of taps is odd. Channels are a multiple of 4, one filter each; no padding, no
 * dilation. Requantized once, with sums below 2^23 and shifts in 0..7, so that a sum shifted left
 * by one more fits int32.
 *
 * Scratch: a pointer for each tap, of an even number.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

typedef struct {
    uint32_t even, odd; /* channels 0, 2 and 1, 3 as halfwords */
} halves;

static inline halves widened(const int8_t *x) {
    halves r;
    const uint32_t word = edge_dsp_load(x);
    __asm__("sxtb16 %0, %1" : "=r"(r.even) : "r"(word));
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(r.odd) : "r"(word));
    return r;
}

/* sums of two channels, the low and the high halfword of both taps. */
static inline void multiply(int32_t *low, int32_t *high, uint32_t first, uint32_t second,
                            uint32_t low_weights, uint32_t high_weights) {
    uint32_t pair;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(first), "r"(second));
    __asm__("smlad %0, %1, %2, %0" : "+r"(*low) : "r"(pair), "r"(low_weights));
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(pair) : "r"(second), "r"(first));
    __asm__("smlad %0, %1, %2, %0" : "+r"(*high) : "r"(pair), "r"(high_weights));
}

/* edge_requantized of channel k: the sum times its multiplier is rounded in the upper half. */
static inline int8_t requantized(const edge_requantize *q, int32_t k, int32_t sum) {
    int32_t r;
    __asm__("smmulr %0, %1, %2"
            : "=r"(r)
            : "r"((int32_t)((uint32_t)sum << (q->shift[k] + 1))), "r"(q->multiplier[k]));
    return (int8_t)edge_clamp(r + q->zero_point, q->minimum, q->maximum);
}

static const int8_t *tap(const edge_conv2d *layer, const edge_rows *in, int32_t index) {
    const int32_t row = index / layer->kernel_w, column = index % layer->kernel_w;
    return (const int8_t *)edge_row(in, row) + column * layer->in_c;
}

void edge_dsp_depthwise_single_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_conv2d *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const int32_t count = layer->kernel_h * layer->kernel_w, channels = layer->out_c;
    const int32_t step = q->per_channel;
    const int8_t **const taps = scratch;
    const int8_t *const *const end = taps + ((count + 1) & ~1);
    const uint32_t *w = layer->weights;
    int8_t *to = out;
    (void)y;
    for (int32_t i = 0; taps + i < end; i++) {
        taps[i] = tap(layer, in, i < count ? i : 0);
    }
    for (int32_t c = 0; c < channels; c += 4, to += 4) {
        int32_t s0 = q->bias[c], s1 = q->bias[c + 1], s2 = q->bias[c + 2], s3 = q->bias[c + 3];
        for (const int8_t *const *x = taps; x < end; x += 2, w += 4) {
            const halves a = widened(x[0] + c), b = widened(x[1] + c);
            multiply(&s0, &s2, a.even, b.even, w[0], w[2]);
            multiply(&s1, &s3, a.odd, b.odd, w[1], w[3]);
        }
        to[0] = requantized(q, c * step, s0);
        to[1] = requantized(q, (c + 1) * step, s1);
        to[2] = requantized(q, (c + 2) * step, s2);
        to[3] = requantized(q, (c + 3) * step, s3);
    }
}

#endif
