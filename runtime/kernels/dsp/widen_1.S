/* SPDX-License-Identifier: Apache-2.0
 *
 * void *edge_dsp_widen_1(void *strip, const int8_t *in, int32_t bytes): widens `bytes` bytes to
 * int16 pairs [steps] in the order of widen_4.S and returns the end.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

    .section .text.edge_dsp_widen_1, "ax", %progbits
    .global edge_dsp_widen_1
    .type   edge_dsp_widen_1, %function
    .balign 4
    .thumb_func
edge_dsp_widen_1:
    push    {r4-r7, lr}
    lsr     r3, r2, #2
    tst     r3, #1
    beq     .Leven
    ldr     r4, [r1], #4
    sub     r3, r3, #1
    sxtb16  r5, r4
    sxtb16  r6, r4, ror #8
    stm     r0!, {r5, r6}
.Leven:
    cbz     r3, .Ltail
.Lloop:
    ldr     r4, [r1], #4
    ldr     r12, [r1], #4
    sxtb16  r5, r4
    sxtb16  r6, r4, ror #8
    sxtb16  r7, r12
    sxtb16  r12, r12, ror #8
    stm     r0!, {r5-r7, r12}
    subs    r3, r3, #2
    bne     .Lloop
.Ltail:
    ands    r2, r2, #3
    beq     .Ldone
    sub     r2, r2, #4
    ldr     r4, [r1, r2]
    cmp     r2, #-3
    beq     .Lone_byte
    sxtb16  r5, r4
    str     r5, [r0], #4
.Lone_byte:
    sxtb16  r6, r4, ror #8
    str     r6, [r0], #4
.Ldone:
    pop     {r4-r7, pc}
    .size   edge_dsp_widen_1, . - edge_dsp_widen_1
#endif
