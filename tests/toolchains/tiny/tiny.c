#include "tiny.h"

#ifdef EDGE_PROFILE
void edge_mark(void);
#define EDGE_LAYER(i) edge_mark()
#define MARK "bl edge_mark\n"
#else
#define EDGE_LAYER(i) ((void)0)
#define MARK
#endif

__attribute__((aligned(16))) uint8_t tiny_arena[TINY_ARENA_BYTES];

void *tiny_input(int32_t index) {
    return tiny_arena + 16 * index;
}

const void *tiny_output(int32_t index) {
    return tiny_arena + 36 + index;
}

/* Each test writes the tiny_invoke it wants to see run. */
#include "invoke.h"
