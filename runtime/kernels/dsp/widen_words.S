/* SPDX-License-Identifier: Apache-2.0
 *
 * void *edge_dsp_widen_<6|3>x1(void *strip, const int8_t *in, int32_t pitch, int32_t words,
 *                              int32_t last)
 * void *edge_dsp_widen_4x1(void *strip, const int8_t *in, int32_t pitch, int32_t words)
 * void *edge_dsp_widen_1x1(void *strip, const int8_t *in, int32_t words)
 *
 * Widen int8 pixels to the strips of edge/dsp_sparse.h.
 *
 * r0, r1 first and fourth pixel, r2 pitch, r3 bytes from the last three's first pixel to its last,
 * r12 strip, lr words left.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

/* A word of 3 pixels. */
    .macro word first:req, third
    ldr     r5, [\first, r2]
    ldr     r6, [\first, \third]
    ldr     r4, [\first], #4
    sxtb16  r7, r4
    sxtb16  r8, r5
    sxtb16  r9, r6
    sxtb16  r4, r4, ror #8
    sxtb16  r5, r5, ror #8
    sxtb16  r6, r6, ror #8
    stm     r12!, {r4-r9}
    .endm

    .macro begin name
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r10, lr}
    .endm

    .macro finish name
    mov     r0, r12
    pop     {r4-r10, pc}
    .size   \name, . - \name
    .endm

    begin   edge_dsp_widen_6x1
    mov     r12, r0
    mov     r0, r1
    mov     lr, r3
    add     r10, r2, r2, lsl #1
    add     r1, r0, r10
    ldr     r3, [sp, #32]
    sub     r3, r3, r10
    lsl     r10, r2, #1
.Lsix:
    word    r0, r10
    word    r1, r3
    subs    lr, lr, #1
    bne     .Lsix
    finish  edge_dsp_widen_6x1

    begin   edge_dsp_widen_4x1
    push    {r11}
    mov     r12, r0
    mov     lr, r3
    add     r3, r2, r2, lsl #1
.Lfour:
    ldr     r5, [r1, r2]
    ldr     r6, [r1, r2, lsl #1]
    ldr     r7, [r1, r3]
    ldr     r4, [r1], #4
    sxtb16  r8, r4
    sxtb16  r9, r5
    sxtb16  r10, r6
    sxtb16  r11, r7
    sxtb16  r4, r4, ror #8
    sxtb16  r5, r5, ror #8
    sxtb16  r6, r6, ror #8
    sxtb16  r7, r7, ror #8
    stm     r12!, {r4-r9}
    strd    r10, r11, [r12], #24
    subs    lr, lr, #1
    bne     .Lfour
    pop     {r11}
    finish  edge_dsp_widen_4x1

    begin   edge_dsp_widen_3x1
    mov     r12, r0
    mov     r0, r1
    mov     lr, r3
    ldr     r3, [sp, #32]
.Lthree:
    word    r0, r3
    subs    lr, lr, #1
    bne     .Lthree
    finish  edge_dsp_widen_3x1

    begin   edge_dsp_widen_1x1
    mov     r12, r0
.Lone:
    ldr     r4, [r1], #4
    sxtb16  r5, r4
    sxtb16  r4, r4, ror #8
    stm     r12!, {r4-r6}
    subs    r2, r2, #1
    bne     .Lone
    finish  edge_dsp_widen_1x1
#endif
