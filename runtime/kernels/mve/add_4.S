/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_mve_add_4_<once|twice>(const edge_mve_add *add): 4 sums at a time; the arithmetic is in
 * add_s8.c.
 *
 * r1 a, r2 b, r3 out, lr elements, q2 and q3 scales of a and b.
 */
#ifdef __ARM_FEATURE_MVE
    .syntax unified
    .thumb

/* In both: r6, r7 a_bias, b_bias, r8 b_multiplier, r9 b_shift, r10 multiplier, r11 shift,
 * r12 zero point. */
    .macro add_4 name
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r3-r11, lr}
    ldm     r0!, {r1-r5}
    vdup.32 q2, r5
    ldm     r0, {r5-r12}
    vdup.32 q3, r5
    wlstp.32 lr, r4, .Ldone_\name
.Lloop_\name:
    .endm

    .macro end_4 name
    vqmovnb.s32 q0, q0
    vqmovnb.s16 q0, q0
    vstrb.32 q0, [r3], #4
    letp    lr, .Lloop_\name
.Ldone_\name:
    pop     {r3-r11, pc}
    .size   \name, . - \name
    .endm

    add_4   edge_mve_add_4_once
    vldrb.s32 q0, [r1], #4
    vmlas.s32 q0, q2, r6
    vldrb.s32 q1, [r2], #4
    vmla.s32 q0, q1, r5
    vshl.s32 q0, r11
    end_4   edge_mve_add_4_once

    add_4   edge_mve_add_4_twice
    vldrb.s32 q0, [r2], #4
    vmlas.s32 q0, q3, r7
    vqrdmulh.s32 q0, q0, r8
    vshr.s32 q1, q0, #31
    vadd.i32 q0, q0, q1
    vrshl.s32 q0, r9
    vldrb.s32 q1, [r1], #4
    vmlas.s32 q1, q2, r6
    vadd.i32 q0, q0, q1
    vqrdmulh.s32 q0, q0, r10
    vshr.s32 q1, q0, #31
    vadd.i32 q0, q0, q1
    vrshl.s32 q0, r11
    vadd.i32 q0, q0, r12
    end_4   edge_mve_add_4_twice
#endif
