/* SPDX-License-Identifier: Apache-2.0
 *
 * void *edge_dsp_widen_4(void *strip, const int8_t *in, int32_t pitch, int32_t bytes): widens
 * `bytes` bytes of 4 pixels, `pitch` apart, to int16 pairs [steps][4 pixels] and returns the end.
 *
 * Each word b0 b1 b2 b3 gives the steps (b0, b2) and (b1, b3). If bytes is not a multiple of 4, one
 * more word is read, which ends at the last byte; of it only (b1, b3) is kept if one byte is left.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

    .macro load
    ldr     r8, [r0], #4
    ldr     r9, [r1], #4
    ldr     r10, [r2], #4
    ldr     r11, [r3], #4
    .endm

    .macro even_bytes
    sxtb16  r4, r8
    sxtb16  r5, r9
    sxtb16  r6, r10
    sxtb16  r7, r11
    .endm

    .macro odd_bytes
    sxtb16  r8, r8, ror #8
    sxtb16  r9, r9, ror #8
    sxtb16  r10, r10, ror #8
    sxtb16  r11, r11, ror #8
    .endm

    .macro word
    load
    even_bytes
    odd_bytes
    stm     r12!, {r4-r11}
    .endm

    .section .text.edge_dsp_widen_4, "ax", %progbits
    .global edge_dsp_widen_4
    .type   edge_dsp_widen_4, %function
    .balign 4
    .thumb_func
edge_dsp_widen_4:
    push    {r3-r11, lr}
    mov     r12, r0
    mov     r0, r1
    add     r1, r0, r2
    lsr     lr, r3, #2
    add     r3, r1, r2, lsl #1
    add     r2, r1, r2
    tst     lr, #1
    beq     .Leven
    sub     lr, lr, #1
    word
.Leven:
    cmp     lr, #0
    beq     .Ltail
.Lloop:
    word
    word
    subs    lr, lr, #2
    bne     .Lloop
.Ltail:
    ldr     lr, [sp]
    ands    lr, lr, #3
    beq     .Ldone
    sub     lr, lr, #4
    add     r0, r0, lr
    add     r1, r1, lr
    add     r2, r2, lr
    add     r3, r3, lr
    load
    cmp     lr, #-3
    beq     .Lone_byte
    even_bytes
    stm     r12!, {r4-r7}
.Lone_byte:
    odd_bytes
    stm     r12!, {r8-r11}
.Ldone:
    mov     r0, r12
    pop     {r3-r11, pc}
    .size   edge_dsp_widen_4, . - edge_dsp_widen_4
#endif
