/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_add_4(const edge_dsp_add *add): sums of two int8 operands with the roundings of
 * EDGE_ROUND_TWICE, 4 elements a turn, as add_s8.c describes.
 *
 * r0 a, r1 b, r2 out, r4-r7 the elements, r8-r12 constants.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define SCALE 0 /* 5 words: scale, bias, multiplier, rounding constant, shift of b */
#define A_BIAS 20
#define MULTIPLIER 24
#define CONSTANT 28
#define SHIFT 32
#define END 36
#define FRAME 44

/* b' of one element: rounded up to the shift in r12, halves away from zero. */
    .macro scale_b out:req, rotation:req
    sxtb    \out, r3, ror #\rotation
    mla     \out, \out, r8, r9
    add     lr, r11, \out, asr #31
    smmlar  \out, \out, r10, lr
    asr     \out, \out, r12
    .endm

/* 2 (a' + b') with a' = (a - zero point) * 2^19, then the output's scale. */
    .macro sum out:req, rotation:req
    sxtb    lr, r3, ror #\rotation
    add     lr, r8, lr, lsl #20
    add     \out, lr, \out, lsl #1
    add     lr, r10, \out, asr #31
    smmlar  \out, \out, r9, lr
    asr     \out, \out, r11
    ssat    \out, #8, \out
    .endm

    .section .text.edge_dsp_add_4, "ax", %progbits
    .global edge_dsp_add_4
    .type   edge_dsp_add_4, %function
    .balign 4
    .thumb_func
edge_dsp_add_4:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0!, {r1-r12}
    stm     sp, {r4-r12}
    ldr     r12, [r0]
    str     r12, [sp, #END]
    mov     r0, r1
    mov     r1, r2
    mov     r2, r3
.Lfour:
    ldr     r3, [r1], #4
    ldm     sp, {r8-r12}
    scale_b r4, 0
    scale_b r5, 8
    scale_b r6, 16
    scale_b r7, 24
    ldr     r3, [r0], #4
    ldrd    r8, r9, [sp, #A_BIAS]
    ldrd    r10, r11, [sp, #CONSTANT]
    sum     r4, 0
    sum     r5, 8
    sum     r6, 16
    sum     r7, 24
    bfi     r4, r5, #8, #8
    bfi     r6, r7, #8, #8
    pkhbt   r4, r4, r6, lsl #16
    str     r4, [r2], #4
    ldr     r3, [sp, #END]
    cmp     r2, r3
    bne     .Lfour
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   edge_dsp_add_4, . - edge_dsp_add_4
#endif
