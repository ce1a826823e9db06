/* SPDX-License-Identifier: Apache-2.0
 *
 * train/clip_wide_gradient, 4 elements at a time. Elements, and channels if there are factors, are
 * multiples of 4.
 */
#include "edge/kernels.h"
#include "edge/train_dsp.h"

#ifdef __ARM_FEATURE_DSP

typedef struct {
    const int16_t *gradient, *factor;
    const uint8_t *mask;
    int32_t elements, channels;
} operands;

static inline int32_t where(uint32_t bits, int32_t bit, int32_t value) {
    return value & ((int32_t)(bits << (31 - bit)) >> 31);
}

/* Elements i to i + 3, whose factors begin with that of channel c. */
static inline edge_train_four products(const operands *o, int32_t i, int32_t c) {
    const uint32_t bits = o->mask == NULL ? 15 : (uint32_t)o->mask[i >> 3] >> (i & 4);
    const uint32_t x = edge_dsp_load(o->gradient + i), f = edge_dsp_load(o->factor + c);
    const uint32_t y = edge_dsp_load(o->gradient + i + 2), g = edge_dsp_load(o->factor + c + 2);
    const edge_train_four made = {where(bits, 0, edge_train_low(x) * edge_train_low(f)),
                                  where(bits, 1, edge_train_high(x) * edge_train_high(f)),
                                  where(bits, 2, edge_train_low(y) * edge_train_low(g)),
                                  where(bits, 3, edge_train_high(y) * edge_train_high(g))};
    return made;
}

/* A value that has as many bits as the largest magnitude. */
static int32_t bits_of(const operands operands) {
    int32_t bits = 0;
    for (int32_t i = 0, c = 0; i < operands.elements; i += 4) {
        bits |= edge_train_bits_4(products(&operands, i, c));
        c = c + 4 == operands.channels ? 0 : c + 4;
    }
    return bits;
}

static void scale(const operands operands, int32_t right, int8_t *out) {
    for (int32_t i = 0, c = 0; i < operands.elements; i += 4) {
        edge_dsp_store(out + i, edge_train_narrow_4(products(&operands, i, c), right));
        c = c + 4 == operands.channels ? 0 : c + 4;
    }
}

void edge_traindsp_clip_wide_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                      void *out, void *scratch) {
    static const int16_t ones[4] = {1, 1, 1, 1};
    const edge_elements *layer = descriptor;
    const int32_t exponent = edge_exponent(&in[1]);
    const operands operands = {in[0].data, in[3].data != NULL ? in[3].data : ones, in[2].data,
                               layer->elements, in[3].data != NULL ? layer->channels : 4};
    const int32_t right = edge_excess_bits(bits_of(operands), 7);
    (void)y;
    (void)scratch;
    scale(operands, right, out);
    edge_set_exponent(&in[4], exponent + right + layer->power);
}

#endif
