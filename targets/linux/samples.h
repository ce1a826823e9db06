/* SPDX-License-Identifier: Apache-2.0
 *
 * A model as the runner main sees it; test/edge_model.h of a project or a loaded library fills it
 * in.
 */
#ifndef EDGE_SAMPLES_H
#define EDGE_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    void *(*input)(int32_t index);
    const void *(*output)(int32_t index);
    void (*invoke)(void);
    void (*reset)(void); /* NULL for a model without states */
    uint8_t *arena;
    size_t arena_bytes;
    int32_t inputs, outputs;
    const uint32_t *input_bytes, *output_bytes;
} sampled_model;

/* Runs a model on every sample of input.bin and writes output.bin, both one sample after the other
 * and within a sample one tensor after the other. One line on stdout reports what the run took:
 *
 *     edge-run samples=N stack=BYTES arena=BYTES
 *
 * stack is the deepest use of the stack while the model ran, its callers included; arena is one
 * past the highest byte of the arena that was written. */
void run_samples(const sampled_model *model);

#endif
