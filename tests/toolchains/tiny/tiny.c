#include "tiny.h"

__attribute__((aligned(16))) uint8_t tiny_arena[TINY_ARENA_BYTES];

void *tiny_input(int32_t index) {
    return tiny_arena + 16 * index;
}

const void *tiny_output(int32_t index) {
    return tiny_arena + 36 + index;
}
