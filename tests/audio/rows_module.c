/* SPDX-License-Identifier: Apache-2.0
 *
 * The front end as a WebAssembly module: fill hop(), call push(), read row().
 */
#include "edge/log_mel.h"

static edge_log_mel mel;
static int16_t samples[EDGE_LOG_MEL_HOP];
static int8_t features[EDGE_LOG_MEL_BANDS];

void *hop(void);
void *row(void);
void push(void);

void *hop(void) {
    return samples;
}

void *row(void) {
    return features;
}

void push(void) {
    edge_log_mel_push(&mel, samples, features);
}
