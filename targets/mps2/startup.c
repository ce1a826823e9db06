/* SPDX-License-Identifier: Apache-2.0
 *
 * Reset to main. The core loads its stack pointer from the first vector.
 */
#include "board.h"

enum { CPACR = 0xE000ED88 };

#define CP10_CP11_FULL_ACCESS (0xFu << 20)
#define STACK_PATTERN 0xA5C3F00Du

int main(void);

static void load_data(void) {
    const uint32_t *from = &_sidata;
    for (volatile uint32_t *to = &_sdata; to < &_edata; to++) {
        *to = *from++;
    }
    for (volatile uint32_t *to = &_sbss; to < &_ebss; to++) {
        *to = 0;
    }
}

/* Armv8-M faults when the stack pointer leaves the stack; on Armv7-M the MPU catches the access. */
static void limit_stack(void) {
#if __ARM_ARCH >= 8
    __asm__ volatile("msr msplim, %0" : : "r"(&_sstack));
#endif
}

__attribute__((used, noreturn)) void Reset_Handler(void) {
    REGISTER(CPACR) |= CP10_CP11_FULL_ACCESS;
    __asm__ volatile("dsb\n isb" ::: "memory");
    load_data();
    mpu_guard();
    limit_stack();
    quit((uint32_t)main());
}

/* In assembly because a frame of its own would lie in the memory that it fills. */
__attribute__((naked, noinline)) static void
fill_up_to_stack_pointer(__attribute__((unused)) uint32_t *from,
                         __attribute__((unused)) uint32_t pattern) {
    __asm__ volatile("mov r2, sp\n"
                     "1: cmp r0, r2\n"
                     "bhs 2f\n"
                     "stmia r0!, {r1}\n"
                     "b 1b\n"
                     "2: bx lr\n");
}

void stack_paint(void) {
    fill_up_to_stack_pointer(&_sstack, STACK_PATTERN);
}

uint32_t stack_used(void) {
    const volatile uint32_t *word = &_sstack;
    while (word < &_estack && *word == STACK_PATTERN) {
        word++;
    }
    return (uint32_t)(ADDRESS(_estack) - (uintptr_t)word);
}

typedef void (*vector)(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    vector handler[15];
} vectors = {&_estack,
             {Reset_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler,
              Fault_Handler, Fault_Handler, 0, 0, 0, Fault_Handler, Fault_Handler, 0, Fault_Handler,
              Fault_Handler}};
