/* SPDX-License-Identifier: Apache-2.0
 *
 * The library functions that compilers call on their own. Built without builtins, so that the loops
 * do not become calls of themselves; the compiler turns them into vector code.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    uint8_t *a = to;
    const uint8_t *b = from;
    for (size_t i = 0; i < bytes; i++) {
        a[i] = b[i];
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
    uint8_t *a = to;
    const uint8_t *b = from;
    if ((uintptr_t)to > (uintptr_t)from) {
        while (bytes-- > 0) {
            a[bytes] = b[bytes];
        }
        return to;
    }
    for (size_t i = 0; i < bytes; i++) {
        a[i] = b[i];
    }
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    uint8_t *a = to;
    for (size_t i = 0; i < bytes; i++) {
        a[i] = (uint8_t)value;
    }
    return to;
}
