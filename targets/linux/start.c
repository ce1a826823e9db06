/* SPDX-License-Identifier: Apache-2.0
 *
 * Entry to main, on a stack of the target's size. The page below the stack lets nothing through,
 * so that an overflow ends the process instead of running into data.
 *
 * What the kernel leaves on the first stack: argc, argv, NULL, environment, NULL, and pairs of an
 * auxiliary vector, of which AT_HWCAP and AT_HWCAP2 say what the CPU has.
 */
#include "process.h"

enum { PAGE = 4096, AT_HWCAP = 16, AT_HWCAP2 = 26 };

#define STACK_PATTERN 0xA5C3F00Du
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* The emulator's plugin takes a snapshot of the instruction count whenever edge_mark is executed.
 * In assembly so that no compiler moves anything between the marks and the model. */
#ifdef __aarch64__
__asm__(".text\n"
        ".global _start, edge_mark, marked_call, edge_fill_up_to_stack_pointer\n"
        ".type _start, %function\n"
        "_start: mov x0, sp\n"
        "  adrp x1, edge_stack_end\n"
        "  add x1, x1, :lo12:edge_stack_end\n"
        "  mov sp, x1\n"
        "  b edge_start\n"
        ".type edge_mark, %function\n"
        "edge_mark: ret\n"
        ".size edge_mark, . - edge_mark\n"
        ".type marked_call, %function\n"
        "marked_call: stp x19, x30, [sp, #-16]!\n"
        "  mov x19, x0\n"
        "  bl edge_mark\n"
        "  blr x19\n"
        "  bl edge_mark\n"
        "  ldp x19, x30, [sp], #16\n"
        "  ret\n"
        "edge_fill_up_to_stack_pointer: mov x2, sp\n"
        "1: cmp x0, x2\n"
        "  b.hs 2f\n"
        "  str w1, [x0], #4\n"
        "  b 1b\n"
        "2: ret\n");
#else
__asm__(".text\n"
        ".arm\n"
        ".global _start, edge_mark, marked_call, edge_fill_up_to_stack_pointer\n"
        ".type _start, %function\n"
        "_start: mov r0, sp\n"
        "  movw r1, #:lower16:edge_stack_end\n"
        "  movt r1, #:upper16:edge_stack_end\n"
        "  mov sp, r1\n"
        "  b edge_start\n"
        ".type edge_mark, %function\n"
        "edge_mark: bx lr\n"
        ".size edge_mark, . - edge_mark\n"
        ".type marked_call, %function\n"
        "marked_call: push {r4, lr}\n"
        "  mov r4, r0\n"
        "  bl edge_mark\n"
        "  blx r4\n"
        "  bl edge_mark\n"
        "  pop {r4, pc}\n"
        "edge_fill_up_to_stack_pointer: mov r2, sp\n"
        "1: cmp r0, r2\n"
        "  bxhs lr\n"
        "  str r1, [r0], #4\n"
        "  b 1b\n");
#endif

__asm__(".section .stack, \"aw\", %nobits\n"
        ".balign "
        "4096"
        "\n"
        ".global edge_stack, edge_stack_end\n"
        "edge_stack: .space "
        "4096"
        " + " TEXT(EDGE_STACK_BYTES) "\n"
                                     "edge_stack_end:\n"
                                     ".text\n");

extern uint32_t edge_stack[], edge_stack_end[];

/* In assembly, because a frame of its own would lie in the memory that it fills. */
void edge_fill_up_to_stack_pointer(uint32_t *from, uint32_t pattern);

int32_t main(int32_t argc, char **argv);

static uintptr_t auxiliary(const uintptr_t *entry, uintptr_t wanted) {
    for (; entry[0] != 0; entry += 2) {
        if (entry[0] == wanted) {
            return entry[1];
        }
    }
    return 0;
}

static void require(const char *feature, uintptr_t capabilities, uint32_t bit) {
    if (((capabilities >> bit) & 1) == 0) {
        print("\nedge-cpu lacks ");
        print(feature);
        print("\n");
        quit(MISSING_FEATURE_STATUS);
    }
}

/* The program was compiled for features that the CPU may lack. Bits: arch/arm64/include/uapi and
 * arch/arm/include/uapi of Linux, asm/hwcap.h. */
static void check_features(const uintptr_t *vector) {
    const uintptr_t first = auxiliary(vector, AT_HWCAP), second = auxiliary(vector, AT_HWCAP2);
    (void)first;
    (void)second;
    (void)require;
#ifdef __ARM_FEATURE_DOTPROD
    require("dotprod", first, 20);
#endif
#ifdef __ARM_FEATURE_MATMUL_INT8
    require("i8mm", second, 13);
#endif
#if defined(__ARM_NEON) && !defined(__aarch64__)
    require("neon", first, 12);
#endif
}

__attribute__((used, noreturn)) void edge_start(uintptr_t *first_stack);
void edge_start(uintptr_t *first_stack) {
    const int32_t argc = (int32_t)first_stack[0];
    const uintptr_t *vector = first_stack + argc + 2;
    while (*vector++ != 0) {
    }
    check_features(vector);
    protect_from_all(edge_stack, PAGE);
    quit(main(argc, (char **)(first_stack + 1)));
}

void stack_paint(void) {
    edge_fill_up_to_stack_pointer(edge_stack + PAGE / sizeof *edge_stack, STACK_PATTERN);
}

size_t stack_used(void) {
    const volatile uint32_t *word = edge_stack + PAGE / sizeof *word;
    while (word < edge_stack_end && *word == STACK_PATTERN) {
        word++;
    }
    return (size_t)((uintptr_t)edge_stack_end - (uintptr_t)word);
}
