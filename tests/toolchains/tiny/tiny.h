/* A project like the ones edge export writes, by hand: four int8 in, the same four doubled out. */
#ifndef TINY_H
#define TINY_H

#include <stdint.h>

#define TINY_ARENA_BYTES 64

extern uint8_t tiny_arena[TINY_ARENA_BYTES];

void *tiny_input(int32_t index);
const void *tiny_output(int32_t index);
void tiny_invoke(void);

#ifdef EDGE_PROFILE
void edge_mark(void);
#define EDGE_LAYER(i) edge_mark()
#define MARK "bl edge_mark\n"
#else
#define EDGE_LAYER(i) ((void)0)
#define MARK
#endif

#endif
