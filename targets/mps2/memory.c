/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory functions that compilers call, and their names in the Arm run-time ABI (IHI 0043,
 * section 5.3.4). Words need no alignment: Armv7-M loads and stores them anywhere.
 */
#include <stddef.h>
#include <stdint.h>

typedef uint32_t __attribute__((aligned(1), may_alias)) word;

/* The ABI's names tail-call these instead of repeating them. */
#define ONCE __attribute__((noinline))

ONCE void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    uint8_t *out = to;
    const uint8_t *in = from;
    for (; bytes >= 16; bytes -= 16, in += 16, out += 16) {
        const uint32_t a = ((const word *)in)[0], b = ((const word *)in)[1];
        const uint32_t c = ((const word *)in)[2], d = ((const word *)in)[3];
        ((word *)out)[0] = a;
        ((word *)out)[1] = b;
        ((word *)out)[2] = c;
        ((word *)out)[3] = d;
    }
    for (; bytes >= 4; bytes -= 4, in += 4, out += 4) {
        *(word *)out = *(const word *)in;
    }
    while (bytes--) {
        *out++ = *in++;
    }
    return to;
}

static void copy_backwards(uint8_t *to, const uint8_t *from, size_t bytes) {
    for (; bytes >= 4; bytes -= 4) {
        *(word *)(to + bytes - 4) = *(const word *)(from + bytes - 4);
    }
    while (bytes--) {
        to[bytes] = from[bytes];
    }
}

static void copy_forwards(uint8_t *to, const uint8_t *from, size_t bytes) {
    for (; bytes >= 4; bytes -= 4, from += 4, to += 4) {
        *(word *)to = *(const word *)from;
    }
    while (bytes--) {
        *to++ = *from++;
    }
}

ONCE void *memmove(void *to, const void *from, size_t bytes) {
    /* One word is loaded before it is stored, so either order is safe at any distance. */
    if ((uintptr_t)to <= (uintptr_t)from) {
        copy_forwards(to, from, bytes);
    } else {
        copy_backwards(to, from, bytes);
    }
    return to;
}

ONCE void *memset(void *to, int value, size_t bytes) {
    uint8_t *out = to;
    const uint32_t four = (uint8_t)value * 0x01010101u;
    for (; bytes >= 16; bytes -= 16, out += 16) {
        ((word *)out)[0] = four;
        ((word *)out)[1] = four;
        ((word *)out)[2] = four;
        ((word *)out)[3] = four;
    }
    for (; bytes >= 4; bytes -= 4, out += 4) {
        *(word *)out = four;
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

#define COPY(name)                                                                                 \
    void name(void *to, const void *from, size_t bytes);                                           \
    void name(void *to, const void *from, size_t bytes) {                                          \
        memcpy(to, from, bytes);                                                                   \
    }
#define MOVE(name)                                                                                 \
    void name(void *to, const void *from, size_t bytes);                                           \
    void name(void *to, const void *from, size_t bytes) {                                          \
        memmove(to, from, bytes);                                                                  \
    }
#define FILL(name) /* the ABI swaps size and value */                                              \
    void name(void *to, size_t bytes, int value);                                                  \
    void name(void *to, size_t bytes, int value) {                                                 \
        memset(to, value, bytes);                                                                  \
    }
#define CLEAR(name)                                                                                \
    void name(void *to, size_t bytes);                                                             \
    void name(void *to, size_t bytes) {                                                            \
        memset(to, 0, bytes);                                                                      \
    }

COPY(__aeabi_memcpy)
COPY(__aeabi_memcpy4)
COPY(__aeabi_memcpy8)
MOVE(__aeabi_memmove)
MOVE(__aeabi_memmove4)
MOVE(__aeabi_memmove8)
FILL(__aeabi_memset)
FILL(__aeabi_memset4)
FILL(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
