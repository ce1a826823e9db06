/* SPDX-License-Identifier: Apache-2.0
 *
 * train/live_linear, 4 positions and 8 channels at a time: the positions are widened without the
 * zero point, two rows of weights are read as they are stored.
 *
 * in_c is a multiple of 4; edge_train_scale and int8 saturation hold the results. Scratch: the
 * strip, 8 bytes for each input channel.
 */
#include "edge/kernels.h"
#include "edge/train_dsp.h"

#ifdef __ARM_FEATURE_DSP

enum { BLOCK = 8 };

typedef struct {
    const edge_live *layer;
    const int32_t *bias;
    const int8_t *weights;
    uint8_t *mask;
    int32_t position, positions; /* the first one of the strip, and how many it holds */
} place;

/* `channels` of them, at most 8, from `block` on. */
static void store(const place *at, int32_t block, int32_t channels, const int32_t *sums,
                  int8_t *out) {
    const int32_t outputs = at->layer->window.out_c;
    edge_train_scale scales[BLOCK];
    uint32_t bits[EDGE_TRAIN_STRIP];
    const edge_train_store stored = {sums,
                                     scales,
                                     out + block,
                                     bits,
                                     4 * EDGE_TRAIN_STRIP,
                                     4,
                                     outputs - channels,
                                     at->positions,
                                     scales + channels};
    for (int32_t i = 0; i < channels; i++) {
        scales[i] = edge_train_scale_of(&at->layer->requantize, at->bias, block + i);
    }
    edge_traindsp_store(&stored);
    for (int32_t p = 0; at->mask != NULL && p < at->positions; p++) {
        edge_train_add_bits(at->mask, (at->position + p) * outputs + block, bits[p]);
    }
}

static void multiply(const place *at, const uint32_t *strip, int8_t *out) {
    const int32_t inputs = at->layer->window.in_c, outputs = at->layer->window.out_c;
    int32_t sums[BLOCK * EDGE_TRAIN_STRIP];
    edge_train_products products = {strip, at->weights, inputs, inputs / 4, sums};
    for (int32_t block = 0; block < outputs; block += BLOCK) {
        const int32_t channels = outputs - block < BLOCK ? outputs - block : BLOCK;
        products.sums = sums;
        for (int32_t i = 0; i < channels; i += 2) {
            products.distance = i + 1 < channels ? inputs : 0;
            edge_traindsp_rows_4x2(&products);
            products.weights += 2 * inputs;
            products.sums += 2 * EDGE_TRAIN_STRIP;
        }
        store(at, block, channels, sums, out);
    }
}

void edge_traindsp_live_linear(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_live *layer = descriptor;
    const edge_window *s = &layer->window;
    const int32_t count = s->out_h * s->out_w;
    const uint32_t minus = edge_train_both(-layer->in_zero_point);
    const int8_t *x = in[0].data;
    uint32_t *strip = scratch;
    place at = {layer, in[2].data, in[1].data, (uint8_t *)in[5].data, 0, EDGE_TRAIN_STRIP};
    (void)y;
    edge_train_clear(at.mask, count * s->out_c);
    for (; at.position < count; at.position += EDGE_TRAIN_STRIP) {
        at.positions = count - at.position < at.positions ? count - at.position : at.positions;
        for (int32_t p = 0; p < at.positions; p++, x += s->in_c) {
            edge_train_widen(strip + p, EDGE_TRAIN_STRIP, x, s->in_c / 4, minus);
        }
        multiply(&at, strip, (int8_t *)out + at.position * s->out_c);
    }
}

#endif
