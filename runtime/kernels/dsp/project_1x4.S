/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_project_1x4(const edge_dsp_project *project): sums of one vector times 4 rows at a
 * time. Weights, starts and strip are those of the wide routines of linear_1x4.S.
 *
 * r0 strip, r1 weights, r4, r6 even rows, r5, r7 mixed and then odd rows.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define IN 0
#define END4 4
#define END1 8
#define STARTS 12
#define SUMS 16
#define END 20
#define FRAME 24

    .macro step even:req, mixed:req, weights:req, values:req
    sxtb16  r12, \weights
    smlad   \mixed, \weights, \values, \mixed
    smlad   \even, r12, \values, \even
    .endm

    .macro unit
    ldrd    r2, r3, [r0], #8
    ldm     r1!, {r8-r11}
    step    r4, r5, r8, r2
    step    r4, r5, r9, r3
    step    r6, r7, r10, r2
    step    r6, r7, r11, r3
    .endm

    .section .text.edge_dsp_project_1x4, "ax", %progbits
    .global edge_dsp_project_1x4
    .type   edge_dsp_project_1x4, %function
    .balign 4
    .thumb_func
edge_dsp_project_1x4:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r1-r6}
    bic     r7, r6, #3
    add     r7, r1, r7, lsl #3
    add     r8, r1, r6, lsl #3
    strd    r1, r7, [sp, #IN]
    strd    r8, r3, [sp, #END1]
    strd    r4, r5, [sp, #SUMS]
    mov     r1, r2
.Lfour:
    ldrd    r0, lr, [sp, #IN]
    ldr     r2, [sp, #STARTS]
    ldm     r2!, {r4-r7}
    str     r2, [sp, #STARTS]
    cmp     r0, lr
    beq     .Lrest
.Lunits:
    unit
    unit
    unit
    unit
    cmp     r0, lr
    bne     .Lunits
.Lrest:
    ldr     lr, [sp, #END1]
    cmp     r0, lr
    beq     .Ldone
.Lunit:
    unit
    cmp     r0, lr
    bne     .Lunit
.Ldone:
    sub     r5, r5, r4
    sub     r7, r7, r6
    asr     r5, r5, #8
    asr     r7, r7, #8
    ldrd    r2, r3, [sp, #SUMS]
    stm     r2!, {r4-r7}
    str     r2, [sp, #SUMS]
    cmp     r2, r3
    bne.w   .Lfour
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   edge_dsp_project_1x4, . - edge_dsp_project_1x4
#endif
