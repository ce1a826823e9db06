/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic of the operators of a language model, the one definition that every kernel reproduces;
 * edge.quantization.decoder says how the constants are made.
 */
#ifndef EDGE_DECODER_H
#define EDGE_DECODER_H

#include "edge/layer_norm.h"
#include "edge/requantize.h"

#define EDGE_EXP_LAST 511

static inline int16_t edge_saturated16(int32_t value) {
    return (int16_t)edge_clamp(value, INT16_MIN, INT16_MAX);
}

/* value * multiplier * 2^-shift, rounded half up; all of it fits int32. */
static inline int32_t edge_into_stream(int32_t value, int32_t multiplier, int32_t shift) {
    return (value * multiplier + (1 << (shift - 1))) >> shift;
}

static inline int32_t edge_position(const edge_rows *in) {
    return *(const int32_t *)in->data;
}

/* The row that stands for a token. */
static inline int32_t edge_token(const edge_embedding *layer, const edge_rows *in) {
    const int32_t token = edge_position(in);
    return token >= 0 && token < layer->tokens ? token : edge_position(in + 1);
}

/* cos and sin of pair j at a position, Q14. */
typedef struct {
    int32_t c, s;
} edge_turn;

static inline int32_t edge_turned(int32_t value, int32_t shift) {
    return (value + (1 << (shift - 1))) >> shift;
}

static inline edge_turn edge_turn_of(const edge_rotary *layer, int32_t position, int32_t j) {
    const int16_t *a = layer->coarse + 2 * (position / layer->rows * layer->pairs + j);
    const int16_t *b = layer->fine + 2 * (position % layer->rows * layer->pairs + j);
    const edge_turn turn = {edge_turned(a[0] * b[0] - a[1] * b[1], 14),
                            edge_turned(a[1] * b[0] + a[0] * b[1], 14)};
    return turn;
}

/* How many rows of its rings hold a token. */
static inline int32_t edge_rows_held(const edge_ring_attention *layer, int32_t position) {
    return position < layer->window ? position + 1 : layer->window;
}

/* Where channel i of row t is in a ring of pairs of rows. */
static inline int32_t edge_in_pairs(int32_t bytes, int32_t t, int32_t i) {
    return (t >> 1) * 2 * bytes + (i >> 1) * 4 + (t & 1) * 2 + (i & 1);
}

/* The weight of a score that is `distance` below the largest. */
static inline int32_t edge_weight(const edge_ring_attention *layer, int32_t distance) {
    const int32_t index = edge_multiply_high(distance, layer->multiplier);
    return layer->table[index < EDGE_EXP_LAST ? index : EDGE_EXP_LAST];
}

/* What sums of weighted values become where the weights sum up to `total`: `total` with 16 bits is
 * total * 2^-right. */
typedef struct {
    int32_t factor, shift;
} edge_mean_of;

static inline edge_mean_of edge_mean_with(const edge_ring_attention *layer, int32_t total,
                                          int32_t right) {
    const uint32_t narrow = right < 0 ? (uint32_t)total << -right : (uint32_t)total >> right;
    const edge_mean_of mean = {layer->scale * (int32_t)(((uint32_t)1 << 31) / narrow),
                               layer->shift + right};
    return mean;
}

static inline edge_mean_of edge_mean_by(const edge_ring_attention *layer, int32_t total) {
    int32_t right = -15;
    for (int32_t rest = total; rest > 1; rest >>= 1) {
        right++;
    }
    return edge_mean_with(layer, total, right);
}

static inline int8_t edge_mean_value(const edge_mean_of *mean, int32_t sum) {
    const int64_t half = (int64_t)1 << (mean->shift - 1);
    const int64_t scaled = ((int64_t)sum * mean->factor + half) >> mean->shift;
    return (int8_t)edge_clamp((int32_t)scaled, INT8_MIN, INT8_MAX);
}

#endif
