/* SPDX-License-Identifier: Apache-2.0
 *
 * A Linux process without a C library: what its start-up code offers to a main program.
 */
#ifndef EDGE_PROCESS_H
#define EDGE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

/* Of files in the current folder; a negative result is an error number of the kernel. */
intptr_t file_open_to_read(const char *path);
intptr_t file_open_to_write(const char *path);
size_t file_read(intptr_t file, void *data, size_t bytes); /* bytes that were read */
void file_write(intptr_t file, const void *data, size_t bytes);
void file_seek(intptr_t file, size_t offset);

void print(const char *text);
void print_value(const char *label, size_t value);
void quit(int32_t status) __attribute__((noreturn));

/* New memory, zeros, that can be read and written. Then, whole pages that can be read and, if
 * `execute`, executed; and pages of which any access ends the process. */
void *memory_of_kernel(size_t bytes);
void protect_from_writes(void *at, size_t bytes, int execute);
void protect_from_all(void *at, size_t bytes);

/* Fill the unused stack with a pattern; bytes of the stack that were written since, at most. */
void stack_paint(void);
size_t stack_used(void);

/* Calls `invoke` between two calls of edge_mark. */
void marked_call(void (*invoke)(void));

enum { MISSING_FEATURE_STATUS = 98 };

#endif
