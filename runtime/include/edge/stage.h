/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a stage: operators that take turns row by row, so that what lies between them is kept only
 * as rings of a few rows. The turns were decided by the memory plan; here they are a list of bytes.
 */
#ifndef EDGE_STAGE_H
#define EDGE_STAGE_H

#include "edge/edge.h"

/* One operator of a stage. The calls of a gathering kernel, one for each row of its input, all get
 * the same `out`: row_bytes is 0. */
typedef struct {
    edge_kernel *kernel; /* NULL: the caller gives the row */
    const void *layer;
    const edge_rows *in;
    void *out;         /* row 0 of the output */
    int32_t row_bytes; /* of the output */
    int32_t ring;      /* rows of the output kept in memory */
    int32_t rows;      /* calls in all */
    void *scratch;
} edge_step;

typedef struct {
    const edge_step *steps;
    const uint8_t *order; /* for each task the step that makes its next row */
    int32_t tasks;
    int32_t descending; /* 1: from the last row to the first */
} edge_stage;

/* Where row y of a step's output goes. */
static inline void *edge_step_out(const edge_step *step, int32_t y) {
    return (char *)step->out + (y % step->ring) * step->row_bytes;
}

/* Runs the tasks from `task` on up to the next one whose row the caller must give, and returns
 * that one, or `tasks` at the end. made[i] counts the rows that step i has made. */
static inline int32_t edge_stage_run(const edge_stage *stage, int32_t task, int16_t *made) {
    for (; task < stage->tasks; ++task) {
        const uint8_t index = stage->order[task];
        const edge_step *step = &stage->steps[index];
        if (step->kernel == NULL) {
            break;
        }
        const int32_t count = made[index];
        const int32_t y = stage->descending ? step->rows - 1 - count : count;
        made[index] = (int16_t)(count + 1);
        step->kernel(step->layer, step->in, y, edge_step_out(step, y), step->scratch);
    }
    return task;
}

#endif
