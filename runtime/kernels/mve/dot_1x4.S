/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_mve_dot_1x4_<once|shifted|twice>(const edge_mve_dot *dot): one pixel, all output
 * channels. Arithmetic and layouts are in edge/mve.h.
 * void edge_mve_gather_4x4_<once|shifted|twice>(const edge_mve_gather *gather): the same of sparse
 * weights, edge/mve_sparse.h, with words gathered from the pixel at r10 by q3.
 *
 * r0, r2, r4, r6 the 4 channels, r1 weights, r3 pixel, r5 vectors, r7 output, r8 zero point,
 * r9 records, r10 start of the pixel, r11 end of the output, q0 pixel, q1 weights.
 */
#ifdef __ARM_FEATURE_MVE
    .syntax unified
    .thumb

    .macro once
    vldrw.32 q1, [r9], #32
    vqrdmulh.s32 q0, q0, q1
    .endm

    .macro shifted
    vldrw.32 q1, [r9], #16
    vqdmulh.s32 q0, q0, q1
    vldrw.32 q1, [r9], #16
    vrshl.s32 q0, q0, q1
    .endm

    .macro twice
    vldrw.32 q1, [r9], #16
    vqrdmulh.s32 q0, q0, q1
    vldrw.32 q1, [r9], #16
    vshr.s32 q2, q0, #31
    vadd.i32 q0, q0, q2
    vrshl.s32 q0, q0, q1
    .endm

/* Scales and stores the 4 channels, then goes on with the next ones. */
    .macro finish name, rounding
    vmov    q0[2], q0[0], r0, r4
    vmov    q0[3], q0[1], r2, r6
    \rounding
    sub     r0, r11, r7
    vqmovnb.s32 q0, q0
    vqadd.s16 q0, q0, r8
    vqmovnb.s16 q0, q0
    vctp.32 r0
    vpst
    vstrbt.32 q0, [r7], #4
    cmp     r0, #4
    bgt.w   .Lgroup_\name
    pop     {r3-r11, pc}
    .endm

    .macro dot_1x4 name, rounding
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r3-r11, lr}
    ldr     r10, [r0]
    ldrd    r1, r9, [r0, #8]
    ldr     r7, [r0, #16]
    ldrd    r11, r5, [r0, #24]
    ldr     r8, [r0, #36]
    add     r11, r11, r7
.Lgroup_\name:
    mov     r3, r10
    ldm     r9!, {r0, r2, r4, r6}
    dls     lr, r5
.Lvector_\name:
    vldrb.8 q0, [r3], #16
    vldrb.8 q1, [r1], #16
    vmladava.s8 r0, q1, q0
    vldrb.8 q2, [r1], #16
    vmladava.s8 r2, q2, q0
    vldrb.8 q1, [r1], #16
    vmladava.s8 r4, q1, q0
    vldrb.8 q2, [r1], #16
    vmladava.s8 r6, q2, q0
    le      lr, .Lvector_\name
    finish  \name, \rounding
    .size   \name, . - \name
    .endm

    .macro gather_4x4 name, rounding
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r3-r11, lr}
    ldrd    r10, r9, [r0]
    ldrd    r1, r7, [r0, #8]
    ldrd    r11, r8, [r0, #16]
    add     r11, r11, r7
.Lgroup_\name:
    ldrb    r3, [r1], #1
    ldm     r9!, {r0, r2, r4, r6}
    wls     lr, r3, .Lgathered_\name
.Lgather_\name:
    vldrb.u32 q3, [r1], #4
    vldrw.u32 q0, [r10, q3, uxtw #2]
    vldrb.8 q1, [r1], #16
    vmladava.s8 r0, q1, q0
    vldrb.8 q2, [r1], #16
    vmladava.s8 r2, q2, q0
    vldrb.8 q1, [r1], #16
    vmladava.s8 r4, q1, q0
    vldrb.8 q2, [r1], #16
    vmladava.s8 r6, q2, q0
    le      lr, .Lgather_\name
.Lgathered_\name:
    finish  \name, \rounding
    .size   \name, . - \name
    .endm

    dot_1x4 edge_mve_dot_1x4_once, once
    dot_1x4 edge_mve_dot_1x4_shifted, shifted
    dot_1x4 edge_mve_dot_1x4_twice, twice
    gather_4x4 edge_mve_gather_4x4_once, once
    gather_4x4 edge_mve_gather_4x4_shifted, shifted
    gather_4x4 edge_mve_gather_4x4_twice, twice
#endif
