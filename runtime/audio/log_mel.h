/* SPDX-License-Identifier: Apache-2.0
 *
 * Log-mel features of an audio stream, in integers: the bits of edge.audio.LogMel.
 *
 *     static edge_log_mel mel;                            all zero: the stream begins in silence
 *     edge_log_mel_push(&mel, hop, kws_input(0));         every EDGE_LOG_MEL_HOP samples
 *
 * log_mel_settings.h and log_mel_tables.c are written by edge.audio.tables.
 */
#ifndef EDGE_LOG_MEL_H
#define EDGE_LOG_MEL_H

#include <stdint.h>

#include "log_mel_settings.h"

enum {
    EDGE_LOG_MEL_TAIL = EDGE_LOG_MEL_WINDOW - EDGE_LOG_MEL_HOP,
    EDGE_LOG_MEL_BINS = EDGE_LOG_MEL_WINDOW / 2
};

/* A frequency: first its part of the transform, then its power. */
typedef union {
    struct {
        int32_t re, im;
    } z;
    uint64_t power;
} edge_log_mel_bin;

/* `tail` holds the last samples of the hops before; `bins` is work space, free between two calls.
 */
typedef struct {
    edge_log_mel_bin bins[EDGE_LOG_MEL_BINS];
    int16_t tail[EDGE_LOG_MEL_TAIL + (EDGE_LOG_MEL_TAIL == 0)];
} edge_log_mel;

/* Takes the next EDGE_LOG_MEL_HOP samples and writes a row of EDGE_LOG_MEL_BANDS features: log2 of
 * the band's energy in steps of 1/4, 0 standing for 2^21. */
void edge_log_mel_push(edge_log_mel *mel, const int16_t *hop, int8_t *row);

#endif
