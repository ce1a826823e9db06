/* SPDX-License-Identifier: Apache-2.0
 *
 * The two library functions that kernels use. Every compiler expects them even of a freestanding
 * environment, some of which have no <string.h>.
 */
#ifndef EDGE_MEMORY_H
#define EDGE_MEMORY_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

#endif
