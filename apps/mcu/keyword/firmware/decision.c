/* SPDX-License-Identifier: Apache-2.0 */
#include "decision.h"

/* exp of what a class lacks in points of the summed scores, Q15, from a table of 1/32 powers of 2.
 */
static uint32_t likelihood(int32_t lacking) {
    const uint32_t power = (uint32_t)(((uint64_t)(uint32_t)lacking * DECISION_FACTOR) >> 16);
    const uint32_t whole = power >> 5;
    return whole > 15 ? 0 : (uint32_t)decision_powers[power & 31] >> whole;
}

static int32_t leader(const int32_t *sums) {
    int32_t best = 0;
    for (int32_t i = 1; i < DECISION_CLASSES; i++) {
        best = sums[i] > sums[best] ? i : best;
    }
    return best;
}

static int32_t percent_of(const int32_t *sums, int32_t best) {
    uint32_t total = 0;
    for (int32_t i = 0; i < DECISION_CLASSES; i++) {
        total += likelihood(sums[best] - sums[i]);
    }
    return (int32_t)((100 * likelihood(0) + total / 2) / total);
}

static void add(decision *state, const int8_t *scores) {
    int8_t *const place = state->scores[state->oldest];
    for (int32_t i = 0; i < DECISION_CLASSES; i++) {
        state->sums[i] += scores[i] - place[i];
        place[i] = scores[i];
    }
    state->oldest = (state->oldest + 1) % DECISION_STEPS;
}

/* A word counts once it has led, sure enough, for some steps, and again only after another class
 * has led in between. */
int32_t decision_push(decision *state, const int8_t *scores, int32_t *percent) {
    add(state, scores);
    const int32_t best = leader(state->sums);
    *percent = percent_of(state->sums, best);
    state->wins = best == state->winner ? state->wins + 1 : 1;
    state->winner = best;
    if (best != state->held) {
        state->held = DECISION_CLASSES;
    }
    if (best >= DECISION_KEYWORDS || best == state->held || state->wins < DECISION_WINS ||
        *percent < DECISION_PERCENT) {
        return -1;
    }
    state->held = best;
    return best;
}
