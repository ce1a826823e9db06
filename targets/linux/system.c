/* SPDX-License-Identifier: Apache-2.0
 *
 * Files, text, memory and exit status through the Linux kernel's own interface.
 * Numbers: include/uapi/asm-generic/unistd.h (aarch64), arch/arm/tools/syscall.tbl.
 */
#include "process.h"

#ifdef __aarch64__
enum {
    OPENAT = 56,
    LSEEK = 62,
    READ = 63,
    WRITE = 64,
    EXIT_GROUP = 94,
    MMAP = 222,
    MPROTECT = 226
};
#else
enum {
    OPENAT = 322,
    LSEEK = 19,
    READ = 3,
    WRITE = 4,
    EXIT_GROUP = 248,
    MMAP = 192,
    MPROTECT = 125
};
#endif

enum {
    HERE = -100, /* AT_FDCWD */
    READ_ONLY = 0,
    WRITE_NEW = 0x241, /* O_WRONLY | O_CREAT | O_TRUNC */
    RIGHTS_OF_NEW_FILES = 0644,
    STDOUT = 1,
    RIGHT_TO_READ = 1, /* PROT_READ and so on */
    RIGHT_TO_WRITE = 2,
    RIGHT_TO_EXECUTE = 4,
    PRIVATE_ANONYMOUS = 0x22 /* MAP_PRIVATE | MAP_ANONYMOUS */
};

static intptr_t call6(intptr_t number, intptr_t a, intptr_t b, intptr_t c, intptr_t d, intptr_t e,
                      intptr_t f) {
#ifdef __aarch64__
    register intptr_t r __asm__("x8") = number;
    register intptr_t r0 __asm__("x0") = a;
    register intptr_t r1 __asm__("x1") = b;
    register intptr_t r2 __asm__("x2") = c;
    register intptr_t r3 __asm__("x3") = d;
    register intptr_t r4 __asm__("x4") = e;
    register intptr_t r5 __asm__("x5") = f;
#else
    register intptr_t r __asm__("r7") = number;
    register intptr_t r0 __asm__("r0") = a;
    register intptr_t r1 __asm__("r1") = b;
    register intptr_t r2 __asm__("r2") = c;
    register intptr_t r3 __asm__("r3") = d;
    register intptr_t r4 __asm__("r4") = e;
    register intptr_t r5 __asm__("r5") = f;
#endif
    __asm__ volatile("svc #0"
                     : "+r"(r0)
                     : "r"(r), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
                     : "memory", "cc");
    return r0;
}

static intptr_t call(intptr_t number, intptr_t a, intptr_t b, intptr_t c, intptr_t d) {
    return call6(number, a, b, c, d, 0, 0);
}

intptr_t file_open_to_read(const char *path) {
    return call(OPENAT, HERE, (intptr_t)path, READ_ONLY, 0);
}

intptr_t file_open_to_write(const char *path) {
    return call(OPENAT, HERE, (intptr_t)path, WRITE_NEW, RIGHTS_OF_NEW_FILES);
}

size_t file_read(intptr_t file, void *data, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        const intptr_t some =
            call(READ, file, (intptr_t)data + (intptr_t)done, (intptr_t)(bytes - done), 0);
        if (some <= 0) {
            break;
        }
        done += (size_t)some;
    }
    return done;
}

void file_write(intptr_t file, const void *data, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        const intptr_t some =
            call(WRITE, file, (intptr_t)data + (intptr_t)done, (intptr_t)(bytes - done), 0);
        if (some <= 0) {
            break;
        }
        done += (size_t)some;
    }
}

void file_seek(intptr_t file, size_t offset) {
    call(LSEEK, file, (intptr_t)offset, 0, 0);
}

void print(const char *text) {
    size_t length = 0;
    while (text[length]) {
        length++;
    }
    file_write(STDOUT, text, length);
}

void print_value(const char *label, size_t value) {
    char digits[24];
    char *first = digits + sizeof digits - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    print(label);
    print(first);
}

void *memory_of_kernel(size_t bytes) {
    const intptr_t rights = RIGHT_TO_READ | RIGHT_TO_WRITE;
    return (void *)call6(MMAP, 0, (intptr_t)bytes, rights, PRIVATE_ANONYMOUS, -1, 0);
}

void protect_from_writes(void *at, size_t bytes, int execute) {
    call(MPROTECT, (intptr_t)at, (intptr_t)bytes, RIGHT_TO_READ | (execute ? RIGHT_TO_EXECUTE : 0),
         0);
}

void protect_from_all(void *at, size_t bytes) {
    call(MPROTECT, (intptr_t)at, (intptr_t)bytes, 0, 0);
}

void quit(int32_t status) {
    for (;;) {
        call(EXIT_GROUP, status, 0, 0, 0);
    }
}

/* Libraries of compilers call it where an integer is divided by zero. */
int raise(int signal);
int raise(int signal) {
    quit(128 + signal);
}
