/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks through the operands of an elementwise operator that broadcasts in any way.
 */
#ifndef EDGE_BROADCAST_H
#define EDGE_BROADCAST_H

#include "edge/edge.h"

enum { EDGE_BROADCAST_INNER = EDGE_MAX_RANK - 1 };

/* Runs of the last axis in the output. */
static inline int32_t edge_broadcast_runs(const edge_broadcast *shape) {
    int32_t runs = 1;
    for (int32_t axis = 0; axis < EDGE_BROADCAST_INNER; axis++) {
        runs *= shape->size[axis];
    }
    return runs;
}

/* Where an operand with these strides begins in the run with the number `run`. */
static inline int32_t edge_broadcast_start(const edge_broadcast *shape, const int32_t *stride,
                                           int32_t run) {
    int32_t index = 0;
    for (int32_t axis = EDGE_BROADCAST_INNER - 1; axis >= 0; axis--) {
        index += run % shape->size[axis] * stride[axis];
        run /= shape->size[axis];
    }
    return index;
}

#endif
