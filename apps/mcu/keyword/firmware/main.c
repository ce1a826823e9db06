/* SPDX-License-Identifier: Apache-2.0
 *
 * Listens for words: 20 ms of sound become a row of log-mel features, some rows one step of the
 * network, and its scores of the last second a decision. Prints a line for each word, with the time
 * of the sound at which it was recognized:
 *
 *     640 ms yes 0.93
 */
#include "audio.h"
#include "board.h"
#include "decision.h"
#include "edge/log_mel.h"
#include "kws.h"
#include "mark.h"

enum {
    ROW_MS = 1000 * EDGE_LOG_MEL_HOP / EDGE_LOG_MEL_RATE,
    STEP_ROWS = KWS_INPUT_0_BYTES / EDGE_LOG_MEL_BANDS
};

static edge_log_mel mel;
static decision decided;
static int16_t hop[EDGE_LOG_MEL_HOP];

static void print_word(uint32_t ms, int32_t word, int32_t percent) {
    print_value("", ms);
    print(" ms ");
    print(decision_words[word]);
    print_value(percent < 100 ? " 0." : " 1.", (uint32_t)(percent / 10 % 10));
    print_value("", (uint32_t)(percent % 10));
    print("\n");
}

/* The rows of one step go straight into the network's input. Returns 0 at the end of the sound. */
static int32_t take_rows(void) {
    for (int32_t row = 0; row < STEP_ROWS; row++) {
        if (!audio_read(hop, EDGE_LOG_MEL_HOP)) {
            return 0;
        }
        edge_mark();
        edge_log_mel_push(&mel, hop, (int8_t *)kws_input(0) + row * EDGE_LOG_MEL_BANDS);
        edge_mark();
    }
    return 1;
}

/* Returns the word that was recognized, or -1. */
static int32_t step(int32_t *percent) {
    edge_mark();
    kws_invoke();
    edge_mark();
    const int32_t word = decision_push(&decided, kws_output(0), percent);
    edge_mark();
    return word;
}

static uint32_t listen(void) {
    uint32_t rows = 0;
    while (take_rows()) {
        int32_t percent = 0;
        const int32_t word = step(&percent);
        rows += STEP_ROWS;
        if (word >= 0) {
            print_word(rows * ROW_MS, word, percent);
        }
    }
    return rows;
}

int main(void) {
    stack_paint();
    if (!audio_open(EDGE_LOG_MEL_RATE)) {
        print_value("audio.wav is not there, or not 16-bit PCM with one channel at ",
                    EDGE_LOG_MEL_RATE);
        print(" Hz\n");
        return 1;
    }
    print_value("heard ", listen() * ROW_MS);
    print(" ms\n");
    print_value("stack ", stack_used());
    print(" B\n");
    return 0;
}
