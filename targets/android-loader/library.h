/* SPDX-License-Identifier: Apache-2.0
 *
 * A shared library brought into memory without the system's dynamic linker: what Android's does
 * with a library that needs no other one.
 */
#ifndef EDGE_LIBRARY_H
#define EDGE_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

#include "elf64.h"

typedef struct {
    uint8_t *base; /* what addresses in the file are relative to */
    const elf_symbol *symbols;
    const char *names;
    size_t count;
} library;

/* Ends the process with a message if the file is no library, needs another one, or asks for a
 * symbol other than `mark`. */
library library_load(const char *path, const char *mark, void (*mark_function)(void));

/* The address of an exported symbol; ends the process with a message if there is none. */
void *library_symbol(const library *loaded, const char *name);

#endif
