/* SPDX-License-Identifier: Apache-2.0
 *
 * A fault ends the program, so the report may overwrite the stack: it starts again at its top,
 * because a full stack may be what caused the fault.
 */
#include "board.h"

enum { CFSR = 0xE000ED28, HFSR = 0xE000ED2C, MMFAR = 0xE000ED34, BFAR = 0xE000ED38 };

#define CFSR_MMFAR_VALID (1u << 7)
#define CFSR_BFAR_VALID (1u << 15)
#define CFSR_STACKING ((1u << 4) | (1u << 12))
#define CFSR_STACK_LIMIT (1u << 20) /* Armv8-M: MSPLIM was crossed */

__attribute__((used, noreturn)) static void fault_report(uint32_t exception, uint32_t pc,
                                                         uintptr_t sp) {
    const uint32_t status = REGISTER(CFSR);
    print_value("\nedge-fault exception=", exception);
    print_value(" cfsr=", status);
    print_value(" hfsr=", REGISTER(HFSR));
    print_value(" pc=", pc);
    if (status & (CFSR_MMFAR_VALID | CFSR_BFAR_VALID)) {
        print_value(" address=", REGISTER(status & CFSR_MMFAR_VALID ? MMFAR : BFAR));
    }
    print_value(" stack_overflow=",
                sp < ADDRESS(_sstack) || (status & (CFSR_STACKING | CFSR_STACK_LIMIT)) != 0);
    print("\n");
    quit(FAULT_STATUS);
}

/* r1 = program counter in the frame that the exception pushed, 0 if the frame is not in memory: it
 * lies below the stack, or Armv8-M left it out and set the stack pointer to the limit. */
__attribute__((naked, used)) void Fault_Handler(void) {
    __asm__ volatile("mrs r0, ipsr\n"
                     "mrs r2, msp\n"
                     "ldr r3, =_sstack\n"
                     "movs r1, #0\n"
                     "cmp r2, r3\n"
                     "bls 1f\n"
                     "ldr r1, [r2, #24]\n"
                     "1:\n"
                     "ldr r3, =_estack\n"
                     "msr msp, r3\n"
                     "b fault_report\n");
}
