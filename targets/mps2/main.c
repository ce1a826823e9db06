/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a model on every sample of input.bin and writes output.bin, both one sample after the other
 * and within a sample one tensor after the other. Samples go straight into the arena, so the
 * program has no buffers of its own. One line on stdout reports what the run took:
 *
 *     edge-run samples=N stack=BYTES arena=BYTES
 *
 * stack is the deepest use of the stack while the model ran, its callers included; arena is one
 * past the highest byte of the arena that was written.
 */
#include <stdbool.h>

#include "board.h"
#include "edge_model.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* The emulator's plugin takes a snapshot of the instruction count whenever this is executed. */
void edge_mark(void);
__attribute__((naked, noinline, used)) void edge_mark(void) {
    __asm__ volatile("bx lr");
}

#ifdef EDGE_MODEL_INPUT_ROWS
#define INFER take_rows /* gets r0, the file */
#else
#define INFER edge_model_invoke
#endif

/* In assembly so that no compiler moves anything between the marks and the model. */
void marked_infer(int32_t file);
__attribute__((naked, noinline)) void marked_infer(int32_t file __attribute__((unused))) {
    __asm__ volatile("push {r4, lr}\n"
                     "bl edge_mark\n"
                     "bl " TEXT(INFER) "\n"
                                       "bl edge_mark\n"
                                       "pop {r4, pc}\n");
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

#ifdef EDGE_MODEL_INPUT_ROWS
/* The first row is in its place; the others go from the file straight into theirs. */
void take_rows(int32_t file);
__attribute__((noinline, used)) void take_rows(int32_t file) {
    while (!edge_model_push_row(edge_model_row())) {
        file_read(file, edge_model_row(), EDGE_MODEL_INPUT_ROW_BYTES);
    }
}

static bool load_sample(int32_t file) {
    edge_model_begin();
    return file_read(file, edge_model_row(), EDGE_MODEL_INPUT_ROW_BYTES) ==
           EDGE_MODEL_INPUT_ROW_BYTES;
}
#else
static bool load_sample(int32_t file) {
    for (int32_t i = 0; i < EDGE_MODEL_INPUTS; i++) {
        if (file_read(file, edge_model_input(i), edge_model_input_bytes[i]) !=
            edge_model_input_bytes[i]) {
            return false;
        }
    }
    return true;
}
#endif

static void save_sample(int32_t file) {
    for (int32_t i = 0; i < EDGE_MODEL_OUTPUTS; i++) {
        file_write(file, edge_model_output(i), edge_model_output_bytes[i]);
    }
}

static uint32_t infer(int32_t file) {
    stack_paint();
    marked_infer(file);
    return stack_used();
}

/* Runs the first sample in an arena full of `pattern`; returns one past the highest byte that no
 * longer holds it. A byte that got the value of one pattern shows under another. */
static uint32_t painted_run(int32_t input, uint8_t pattern, uint32_t *stack) {
    uint8_t *const arena = edge_model_arena;
    for (uint32_t i = 0; i < EDGE_MODEL_ARENA_BYTES; i++) {
        arena[i] = pattern;
    }
#ifdef edge_model_reset
    edge_model_reset();
#endif
    file_rewind(input);
    load_sample(input);
    *stack = larger(*stack, infer(input));
    uint32_t touched = EDGE_MODEL_ARENA_BYTES;
    while (touched > 0 && arena[touched - 1] == pattern) {
        touched--;
    }
    return touched;
}

int main(void) {
    const int32_t input = file_open("input.bin", OPEN_READ);
    const int32_t output = file_open("output.bin", OPEN_WRITE);
    uint32_t stack = 0;
    uint32_t touched = 0;
    /* One call, so that it is inlined: its frame would count as the model's stack. */
    for (uint32_t pattern = 0xA5; pattern != 0; pattern = pattern == 0xA5 ? 0x5A : 0) {
        touched = larger(touched, painted_run(input, (uint8_t)pattern, &stack));
    }
    uint32_t samples = 0;
    for (;;) {
        save_sample(output);
        samples++;
        if (!load_sample(input)) {
            break;
        }
        stack = larger(stack, infer(input));
    }
    print_value("\nedge-run samples=", samples);
    print_value(" stack=", stack);
    print_value(" arena=", touched);
    print("\n");
    return 0;
}
