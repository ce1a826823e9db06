/* SPDX-License-Identifier: Apache-2.0
 *
 * Which samples of a stream are kept, and which of them is trained on again: reservoir sampling
 * (algorithm R: Vitter, ACM TOMS 11, 1985), by a generator that can be replayed.
 */
#ifndef EDGE_REPLAY_H
#define EDGE_REPLAY_H

#include "edge/train.h"

#define EDGE_KEEP_STREAM 0xF0000001u
#define EDGE_DRAW_STREAM 0xF0000002u

/* How many samples were offered, and how many have been drawn. */
typedef struct {
    uint32_t seen, drawn;
} edge_reservoir;

/* Where the next sample of the stream goes, or -1 if it is not kept. Every sample so far is then
 * kept with the same chance. */
static inline int32_t edge_reservoir_place(edge_reservoir *r, uint32_t seed, uint32_t capacity) {
    const uint32_t count = r->seen++;
    const uint32_t place =
        count < capacity ? count : edge_random_word(seed, count, EDGE_KEEP_STREAM) % (count + 1);
    return place < capacity ? (int32_t)place : -1;
}

/* The place of a kept sample, each with the same chance, or -1 if there is none. */
static inline int32_t edge_reservoir_draw(edge_reservoir *r, uint32_t seed, uint32_t capacity) {
    const uint32_t kept = r->seen < capacity ? r->seen : capacity;
    return kept == 0 ? -1 : (int32_t)(edge_random_word(seed, r->drawn++, EDGE_DRAW_STREAM) % kept);
}

#endif
