/* SPDX-License-Identifier: Apache-2.0
 *
 * Files, text and exit status through the debugger interface that QEMU answers.
 * Arm, "Semihosting for AArch32 and AArch64", section 5.
 */
#include "board.h"

enum {
    SYS_OPEN = 0x01,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_SEEK = 0x0a,
    SYS_EXIT_EXTENDED = 0x20,
    ADP_STOPPED_APPLICATION_EXIT = 0x20026
};

static int32_t call(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static uint32_t address(const void *pointer) {
    return (uint32_t)(uintptr_t)pointer;
}

int32_t file_open(const char *name, uint32_t mode) {
    uint32_t length = 0;
    while (name[length]) {
        length++;
    }
    const uint32_t block[3] = {address(name), mode, length};
    return call(SYS_OPEN, block);
}

uint32_t file_read(int32_t file, void *data, uint32_t bytes) {
    const uint32_t block[3] = {(uint32_t)file, address(data), bytes};
    const uint32_t missing = (uint32_t)call(SYS_READ, block);
    return missing <= bytes ? bytes - missing : 0;
}

void file_write(int32_t file, const void *data, uint32_t bytes) {
    const uint32_t block[3] = {(uint32_t)file, address(data), bytes};
    call(SYS_WRITE, block);
}

void file_rewind(int32_t file) {
    const uint32_t block[2] = {(uint32_t)file, 0};
    call(SYS_SEEK, block);
}

void print(const char *text) {
    call(SYS_WRITE0, text);
}

void print_value(const char *label, uint32_t value) {
    char digits[11];
    char *first = digits + sizeof digits - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    print(label);
    print(first);
}

void quit(uint32_t status) {
    const uint32_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, status};
    call(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}
