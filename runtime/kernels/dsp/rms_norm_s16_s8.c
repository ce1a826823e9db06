/* SPDX-License-Identifier: Apache-2.0
 *
 * Root mean square normalization of one vector; the arithmetic is that of ref/rms_norm_s16_s8.c.
 *
 * (x * root + half) >> right is ((x * root >> 16) + half / 2^16) >> (right - 16): the instruction
 * that multiplies 32 by 16 bits drops 16 of them. A vector so short that right is less than 17 is
 * multiplied in 64 bits.
 */
#include "edge/decoder.h"
#include "edge/dsp.h"
#include "edge/dsp_words.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

#define LEAST_RIGHT 17

static int64_t sum_of_squares(const int16_t *x, int32_t channels) {
    int64_t sum = 0;
    for (int32_t i = 0; i < (channels & ~1); i += 2) {
        const uint32_t word = edge_dsp_load(x + i);
        __asm__("smlald %Q0, %R0, %1, %1" : "+r"(sum) : "r"(word));
    }
    if (channels & 1) {
        sum += x[channels - 1] * x[channels - 1];
    }
    return sum;
}

static inline int8_t stored(const edge_rms_norm *layer, int32_t h, int32_t i) {
    return (int8_t)edge_dsp_ssat8((h * layer->gain[i] + layer->offset) >> layer->shift);
}

static void scale(const edge_rms_norm *layer, const int16_t *x, int32_t root, int32_t right,
                  int8_t *to) {
    const int32_t half = 1 << (right - LEAST_RIGHT), rest = right - 16;
    const int16_t *gain = layer->gain;
    const int32_t offset = layer->offset, shift = layer->shift, channels = layer->channels;
    for (int32_t i = 0; i < channels; i++) {
        const int32_t h = edge_dsp_smlawb(root, x[i], half) >> rest;
        to[i] = (int8_t)edge_dsp_ssat8((h * gain[i] + offset) >> shift);
    }
}

static void scale_short(const edge_rms_norm *layer, const int16_t *x, int32_t root, int32_t right,
                        int8_t *to) {
    const int64_t half = (int64_t)1 << (right - 1);
    for (int32_t i = 0; i < layer->channels; i++) {
        to[i] = stored(layer, (int32_t)(((int64_t)x[i] * root + half) >> right), i);
    }
}

void edge_dsp_rms_norm_s16_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                              void *scratch) {
    const edge_rms_norm *layer = descriptor;
    const int16_t *x = in->data;
    edge_norm norm;
    (void)y;
    (void)scratch;
    edge_reciprocal_root(&norm, sum_of_squares(x, layer->channels) + layer->epsilon);
    const int32_t right = 28 + norm.exponent;
    if (right >= LEAST_RIGHT) {
        scale(layer, x, norm.mantissa, right, out);
    } else {
        scale_short(layer, x, norm.mantissa, right, out);
    }
}

#endif
