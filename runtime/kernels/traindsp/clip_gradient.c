/* SPDX-License-Identifier: Apache-2.0
 *
 * train/clip_gradient, 4 elements at a time: first the mask is applied and the largest product
 * found, then what is left is scaled. Elements, and channels if there are factors, are multiples of
 * 4.
 */
#include "edge/kernels.h"
#include "edge/train_dsp.h"

#ifdef __ARM_FEATURE_DSP

/* Bytes of 255 where the lowest 4 bits are set. */
static uint32_t spread(uint32_t bits) {
    const uint32_t ones = (bits & 15) * 0x00204081u & 0x01010101u;
    return (ones << 8) - ones;
}

static void apply_mask(int8_t *to, const int8_t *gradient, const uint8_t *mask, int32_t elements) {
    for (int32_t i = 0; i < elements; i += 4) {
        const uint32_t bits = mask == NULL ? 15 : (uint32_t)mask[i >> 3] >> (i & 4);
        edge_dsp_store(to + i, edge_dsp_load(gradient + i) & spread(bits));
    }
}

static inline edge_train_four products(const int8_t *values, const int16_t *factor) {
    const uint32_t word = edge_dsp_load(values);
    const uint32_t even = edge_train_even(word), odd = edge_train_odd(word);
    const uint32_t first = edge_dsp_load(factor), second = edge_dsp_load(factor + 2);
    const edge_train_four made = {edge_train_low(even) * edge_train_low(first),
                                  edge_train_low(odd) * edge_train_high(first),
                                  edge_train_high(even) * edge_train_low(second),
                                  edge_train_high(odd) * edge_train_high(second)};
    return made;
}

/* A value that has as many bits as the largest magnitude of the products. */
static int32_t bits_of(const int8_t *values, const int16_t *factor, int32_t elements,
                       int32_t channels) {
    int32_t bits = 0;
    for (int32_t i = 0; i < elements; i += channels) {
        for (int32_t c = 0; c < channels; c += 4, values += 4) {
            bits |= edge_train_bits_4(products(values, factor + c));
        }
    }
    return bits;
}

static void scale(int8_t *values, const int16_t *factor, int32_t elements, int32_t channels,
                  int32_t right) {
    for (int32_t i = 0; i < elements; i += channels) {
        for (int32_t c = 0; c < channels; c += 4, values += 4) {
            const edge_train_four v = products(values, factor + c);
            edge_dsp_store(values, edge_train_narrow_4(v, right));
        }
    }
}

void edge_traindsp_clip_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                 void *scratch) {
    const edge_elements *layer = descriptor;
    const int16_t *factor = in[3].data;
    const int32_t exponent = edge_exponent(&in[1]), elements = layer->elements;
    int32_t right = 0;
    (void)y;
    (void)scratch;
    apply_mask(out, in[0].data, in[2].data, elements);
    if (factor != NULL) {
        right = edge_excess_bits(bits_of(out, factor, elements, layer->channels), 7);
        scale(out, factor, elements, layer->channels, right);
    }
    edge_set_exponent(&in[4], exponent + right + layer->power);
}

#endif
