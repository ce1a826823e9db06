/* SPDX-License-Identifier: Apache-2.0
 *
 * From the network's scores, step by step, to words: the bits of apps/mcu/keyword/decision.py.
 */
#ifndef KEYWORD_DECISION_H
#define KEYWORD_DECISION_H

#include <stdint.h>

#include "decision_settings.h"

/* All zero to start with. */
typedef struct {
    int8_t scores[DECISION_STEPS][DECISION_CLASSES]; /* of the last second */
    int32_t sums[DECISION_CLASSES];
    int32_t oldest, winner, wins, held;
} decision;

/* Takes the scores of one step. Returns the class of a word that was just recognized, else -1, and
 * how sure of the leading class it is, in percent. */
int32_t decision_push(decision *state, const int8_t *scores, int32_t *percent);

#endif
