/* SPDX-License-Identifier: Apache-2.0
 *
 * What the start-up code of the MPS2 and MPS3 boards offers to a main program. Nothing here keeps
 * state: the RAM of a program is its arena and its stack.
 */
#ifndef EDGE_BOARD_H
#define EDGE_BOARD_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* Symbols of the linker script; only their addresses mean something. */
extern uint32_t _sstack, _estack, _sidata, _sdata, _edata, _sbss, _ebss;
extern uint32_t _vectors_start, _vectors_end, _flash_start, _flash_end, _ram_start, _ram_end;

#define ADDRESS(symbol) ((uintptr_t)&(symbol))

enum { OPEN_READ = 1, OPEN_WRITE = 5 }; /* "rb" and "wb" */

/* Files in the current folder of the emulator; a handle is negative if it could not be opened. */
int32_t file_open(const char *name, uint32_t mode);
uint32_t file_read(int32_t file, void *data, uint32_t bytes); /* bytes that were read */
void file_write(int32_t file, const void *data, uint32_t bytes);
void file_rewind(int32_t file);

void print(const char *text);
void print_value(const char *label, uint32_t value);
void quit(uint32_t status) __attribute__((noreturn));

/* The memory protection unit lets through what the target's budget holds, and nothing else. */
void mpu_guard(void);

/* Fill the unused stack with a pattern; bytes of the stack that were written since, at most. */
void stack_paint(void);
uint32_t stack_used(void);

/* Fault vector: reports on stdout and ends with FAULT_STATUS. */
void Fault_Handler(void);

enum { FAULT_STATUS = 99 };

#endif
