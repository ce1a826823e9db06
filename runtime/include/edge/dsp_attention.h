/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract of attention_rows.S. Pointers are 4-byte aligned, nothing is empty.
 */
#ifndef EDGE_DSP_ATTENTION_H
#define EDGE_DSP_ATTENTION_H

#include <stdint.h>

typedef struct {
    const int8_t *keys;
    int32_t pitch; /* bytes from a row to the next one */
    int32_t *scores;
    const int32_t *end;
    const uint32_t *queries;
    int32_t size; /* channels, a multiple of 4; `scores_8` takes 8 */
} edge_dsp_scoring;

typedef struct {
    const int32_t *end; /* of the scores */
    int32_t most;
    int32_t multiplier; /* twice that of edge_ring_attention */
} edge_dsp_weighing;

typedef struct {
    const int8_t *values;
    int32_t pitch; /* bytes from a pair of rows to the next one */
    const uint32_t *weights, *end;
    int32_t *sums; /* [4] */
} edge_dsp_mixing;

int32_t edge_dsp_scores(const edge_dsp_scoring *scoring);
int32_t edge_dsp_scores_8(const edge_dsp_scoring *scoring);
int32_t edge_dsp_weigh(int32_t *scores, const int16_t *table, const edge_dsp_weighing *weighing);
void edge_dsp_mix(const edge_dsp_mixing *mixing);

#endif
