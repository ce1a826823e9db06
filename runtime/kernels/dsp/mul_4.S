/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_mul_4_<once|twice>(const edge_dsp_mul *mul): products of two int8 operands, 4
 * elements a turn, as mul_s8.c describes.
 *
 * r0 a, r1 b, r2 out, r3, r4 zero points, r5 multiplier, r6 constant, r7 shift, r8-r12 elements.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define END 0
#define FRAME 4

    .macro double_once
    .endm

    .macro double_twice
    sadd16  r11, r11, r11
    sadd16  r9, r9, r9
    .endm

    .macro scale_once acc:req
    smmla   \acc, \acc, r5, r6
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro scale_twice acc:req
    add     lr, r6, \acc, asr #31
    smmlar  \acc, \acc, r5, lr
    asr     \acc, \acc, r7
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro mul_4 rounding
    .section .text.edge_dsp_mul_4_\rounding, "ax", %progbits
    .global edge_dsp_mul_4_\rounding
    .type   edge_dsp_mul_4_\rounding, %function
    .balign 4
    .thumb_func
edge_dsp_mul_4_\rounding:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r0-r8}
    str     r8, [sp, #END]
.Lfour_\rounding:
    ldr     r8, [r0], #4
    ldr     r9, [r1], #4
    sxtab16 r10, r3, r8
    sxtab16 r11, r4, r9
    sxtab16 r8, r3, r8, ror #8
    sxtab16 r9, r4, r9, ror #8
    double_\rounding
    smulbb  r12, r10, r11
    smultt  r10, r10, r11
    smulbb  r11, r8, r9
    smultt  r8, r8, r9
    scale_\rounding r12
    scale_\rounding r11
    scale_\rounding r10
    scale_\rounding r8
    bfi     r12, r11, #8, #8
    bfi     r10, r8, #8, #8
    pkhbt   r12, r12, r10, lsl #16
    str     r12, [r2], #4
    ldr     r8, [sp, #END]
    cmp     r2, r8
    bne     .Lfour_\rounding
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   edge_dsp_mul_4_\rounding, . - edge_dsp_mul_4_\rounding
    .endm

    mul_4 once
    mul_4 twice
#endif
