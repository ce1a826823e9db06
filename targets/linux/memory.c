/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory functions that compilers call. 16 bytes at a time, which need no alignment: both
 * architectures have vector registers.
 */
#include <stddef.h>
#include <stdint.h>

typedef uint8_t piece __attribute__((vector_size(16), aligned(1), may_alias));

#define PIECE sizeof(piece)

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    uint8_t *out = to;
    const uint8_t *in = from;
    for (; bytes >= PIECE; bytes -= PIECE, in += PIECE, out += PIECE) {
        *(piece *)out = *(const piece *)in;
    }
    while (bytes--) {
        *out++ = *in++;
    }
    return to;
}

/* One piece is loaded before it is stored, so either order is safe at any distance. */
void *memmove(void *to, const void *from, size_t bytes) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((uintptr_t)to > (uintptr_t)from) {
        for (; bytes >= PIECE; bytes -= PIECE) {
            *(piece *)(out + bytes - PIECE) = *(const piece *)(in + bytes - PIECE);
        }
        while (bytes--) {
            out[bytes] = in[bytes];
        }
        return to;
    }
    for (; bytes >= PIECE; bytes -= PIECE, in += PIECE, out += PIECE) {
        *(piece *)out = *(const piece *)in;
    }
    while (bytes--) {
        *out++ = *in++;
    }
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    uint8_t *out = to;
    const piece full = (piece){0} + (uint8_t)value;
    for (; bytes >= PIECE; bytes -= PIECE, out += PIECE) {
        *(piece *)out = full;
    }
    while (bytes--) {
        *out++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes) {
    const uint8_t *x = a, *y = b;
    for (; bytes; bytes--, x++, y++) {
        if (*x != *y) {
            return *x < *y ? -1 : 1;
        }
    }
    return 0;
}
