/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention of one token over rings of keys and values; the arithmetic is that of
 * ref/ring_attention_s8.c, its loops are in attention_rows.S. Heads have a multiple of 4 channels.
 *
 * Means are scaled by the upper word of a product: the shift is more than 32.
 *
 * Scratch: queries in the order that bytes are widened in, 2 bytes a channel of a head; a score of
 * each row and one to spare, 4 bytes each.
 */
#include "edge/decoder.h"
#include "edge/dsp.h"
#include "edge/dsp_attention.h"
#include "edge/dsp_words.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

/* Words (0, 2), (1, 3) of each 4 queries. */
static void arrange(const int16_t *q, int32_t count, uint32_t *to) {
    for (int32_t i = 0; i < count; i += 4, to += 2) {
        const uint32_t low = edge_dsp_load(q + i), high = edge_dsp_load(q + i + 2);
        to[0] = edge_dsp_lower(low, high);
        to[1] = edge_dsp_upper(low, high);
    }
}

/* Scores of one head become weights; their sum. A score to spare is so low that it has none. */
static int32_t weights(const edge_ring_attention *layer, const edge_dsp_scoring *scoring) {
    int32_t *scores = scoring->scores;
    const int32_t rows = (int32_t)(scoring->end - scores);
    const int32_t most = scoring->size == 8 ? edge_dsp_scores_8(scoring) : edge_dsp_scores(scoring);
    const edge_dsp_weighing weighing = {scoring->end, most, 2 * layer->multiplier};
    scores[rows] = most;
    int32_t total = edge_dsp_weigh(scores, layer->table, &weighing);
    if (rows & 1) {
        ((int16_t *)(void *)scores)[rows] = 0;
        total -= layer->table[0];
    }
    return total;
}

static void mix(const edge_ring_attention *layer, edge_dsp_mixing *mixing, int32_t total,
                int8_t *out) {
    const edge_mean_of mean = edge_mean_with(layer, total, 16 - edge_dsp_leading_zeros(total));
    const int32_t right = mean.shift - 32, half = 1 << (right - 1);
    for (int32_t i = 0; i < layer->size; i += 4, mixing->values += 8) {
        edge_dsp_mix(mixing);
        for (int32_t k = 0; k < 4; k++) {
            const int32_t scaled = edge_dsp_smmla(mixing->sums[k], mean.factor, half) >> right;
            out[i + k] = (int8_t)edge_dsp_ssat8(scaled);
        }
    }
}

void edge_dsp_ring_attention_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_ring_attention *layer = descriptor;
    const int16_t *q = in[0].data;
    const int8_t *keys = in[1].data, *values = in[2].data;
    const int32_t rows = edge_rows_held(layer, edge_position(in + 3));
    const int32_t size = layer->size, shared = layer->heads / layer->groups;
    const int32_t pitch = layer->groups * size;
    uint32_t *arranged = scratch;
    int32_t *scores = (int32_t *)scratch + size / 2;
    int32_t sums[4];
    int8_t *to = out;
    (void)y;
    for (int32_t head = 0; head < layer->heads; head++, q += size, to += size) {
        const int32_t group = head / shared * size;
        const edge_dsp_scoring scoring = {keys + group,  pitch,    scores,
                                          scores + rows, arranged, size};
        edge_dsp_mixing mixing = {values + 2 * group, 2 * pitch, (uint32_t *)scores,
                                  (uint32_t *)scores + (rows + 1) / 2, sums};
        arrange(q, size, arranged);
        mix(layer, &mixing, weights(layer, &scoring), to);
    }
}

#endif
