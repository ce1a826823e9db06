/* SPDX-License-Identifier: Apache-2.0 */
#include "samples.h"

#include <stdbool.h>

#include "process.h"

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static bool load_sample(const sampled_model *model, intptr_t file) {
    for (int32_t i = 0; i < model->inputs; i++) {
        const size_t bytes = model->input_bytes[i];
        if (file_read(file, model->input(i), bytes) != bytes) {
            return false;
        }
    }
    return true;
}

static void save_sample(const sampled_model *model, intptr_t file) {
    for (int32_t i = 0; i < model->outputs; i++) {
        file_write(file, model->output(i), model->output_bytes[i]);
    }
}

static size_t invoke(const sampled_model *model) {
    stack_paint();
    marked_call(model->invoke);
    return stack_used();
}

/* Runs the first sample in an arena full of `pattern`; returns one past the highest byte that no
 * longer holds it. A byte that got the value of one pattern shows under another. */
static size_t painted_run(const sampled_model *model, intptr_t input, uint8_t pattern,
                          size_t *stack) {
    size_t touched = model->arena_bytes;
    for (size_t i = 0; i < touched; i++) {
        model->arena[i] = pattern;
    }
    if (model->reset != NULL) {
        model->reset();
    }
    file_seek(input, 0);
    load_sample(model, input);
    *stack = larger(*stack, invoke(model));
    while (touched > 0 && model->arena[touched - 1] == pattern) {
        touched--;
    }
    return touched;
}

void run_samples(const sampled_model *model) {
    const intptr_t input = file_open_to_read("input.bin");
    const intptr_t output = file_open_to_write("output.bin");
    size_t stack = 0;
    size_t touched = painted_run(model, input, 0xA5, &stack);
    touched = larger(touched, painted_run(model, input, 0x5A, &stack));
    size_t samples = 0;
    for (;;) {
        save_sample(model, output);
        samples++;
        if (!load_sample(model, input)) {
            break;
        }
        stack = larger(stack, invoke(model));
    }
    print_value("\nedge-run samples=", samples);
    print_value(" stack=", stack);
    print_value(" arena=", touched);
    print("\n");
}
