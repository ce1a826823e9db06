/* SPDX-License-Identifier: Apache-2.0
 *
 * Projections of recurrent operators for the Armv7E-M DSP extension. Weights are packed as those of
 * linear_1x4.S, rows appended with zeros to a multiple of 4; bias is what it calls starts. Sums are
 * below 2^23 and shifts in 0..7, so that a sum shifted left by one more fits int32.
 */
#ifndef EDGE_DSP_RECURRENT_H
#define EDGE_DSP_RECURRENT_H

#include "edge/dsp.h"

/* One vector times rows in groups of 4. */
typedef struct {
    const void *strip; /* int16 pairs of the vector, 4-byte aligned */
    const void *weights;
    const int32_t *starts; /* even, even + 256 * odd for each pair of rows */
    int32_t *sums;
    int32_t *end;  /* sums + rows, a multiple of 4 */
    int32_t units; /* of 4 values of the vector */
} edge_dsp_project;

void edge_dsp_project_1x4(const edge_dsp_project *project);

/* An edge_project; scratch: the widened vector, 8 bytes for each 4 values begun, and 4 bytes. */
void edge_dsp_gate_inputs(const edge_projection *projection, int32_t rows, const int8_t *x,
                          int16_t *gates, void *scratch);

#endif
