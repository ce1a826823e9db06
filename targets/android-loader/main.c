/* SPDX-License-Identifier: Apache-2.0
 *
 * The runner main of a model in a shared library:
 *
 *     loader LIBRARY NAME ARENA_BYTES INPUT_BYTES,... OUTPUT_BYTES,... [reset]
 */
#include "library.h"
#include "process.h"
#include "samples.h"

enum { MAX_TENSORS = 64, MAX_NAME = 256 };

void edge_mark(void);

static uint32_t number(const char **text) {
    uint32_t value = 0;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        value = 10 * value + (uint32_t)(**text - '0');
    }
    return value;
}

/* "12,34" as numbers; returns how many. */
static int32_t numbers(const char *text, uint32_t values[MAX_TENSORS]) {
    int32_t count = 0;
    while (*text && count < MAX_TENSORS) {
        values[count++] = number(&text);
        text += *text == ',';
    }
    return count;
}

/* The library's symbol NAME_part. */
static void *part_of(const library *loaded, const char *name, const char *part) {
    char symbol[MAX_NAME];
    size_t length = 0;
    for (; *name && length < MAX_NAME - 16; name++) {
        symbol[length++] = *name;
    }
    for (; *part; part++) {
        symbol[length++] = *part;
    }
    symbol[length] = '\0';
    return library_symbol(loaded, symbol);
}

typedef union {
    void *address;
    void *(*input)(int32_t index);
    const void *(*output)(int32_t index);
    void (*invoke)(void);
    void (*reset)(void);
} symbol;

int32_t main(int32_t argc, char **argv);
int32_t main(int32_t argc, char **argv) {
    static uint32_t input_bytes[MAX_TENSORS], output_bytes[MAX_TENSORS];
    if (argc != 6 && argc != 7) {
        print("usage: loader LIBRARY NAME ARENA_BYTES INPUT_BYTES,... OUTPUT_BYTES,... [reset]\n");
        return 2;
    }
    const library loaded = library_load(argv[1], "edge_mark", edge_mark);
    const char *arena_bytes = argv[3];
    const symbol input = {part_of(&loaded, argv[2], "_input")};
    const symbol output = {part_of(&loaded, argv[2], "_output")};
    const symbol invoke = {part_of(&loaded, argv[2], "_invoke")};
    const symbol reset = {argc == 7 ? part_of(&loaded, argv[2], "_reset") : NULL};
    const int32_t inputs = numbers(argv[4], input_bytes);
    const int32_t outputs = numbers(argv[5], output_bytes);
    const sampled_model model = {input.input,
                                 output.output,
                                 invoke.invoke,
                                 reset.reset,
                                 part_of(&loaded, argv[2], "_arena"),
                                 number(&arena_bytes),
                                 inputs,
                                 outputs,
                                 input_bytes,
                                 output_bytes};
    run_samples(&model);
    return 0;
}
