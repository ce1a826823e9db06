/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_mve_depthwise_2x4_<once|twice|rising>(const edge_mve_depthwise *depthwise): outputs of
 * one row for up to 16 channels; edge_mve_depthwise_large_2x4_<...>: the same for more taps than fit
 * one vector. Arithmetic and layouts are in edge/mve.h.
 *
 * A word of a column holds 3 rows of one channel, so a gather of the words of 4 columns brings up
 * to 12 taps of an output into one vector, and one VMLADAVA multiplies them. 2 outputs of 4
 * channels are made at a time: r0, r2, r4, r6 and r8, r10, r12, lr.
 *
 * r1 weights, r3 records, r5, r7 outputs, r9 pace, r11 pairs, q4, q5 column addresses of both
 * outputs, q6 those of the first pair, P0 channels to store.
 */
#ifdef __ARM_FEATURE_MVE
    .syntax unified
    .thumb

#define OUT 8
#define KEPT 24
#define DELTAS 32
#define WEIGHTS 36 /* and the bytes of a group */
#define FRAME 48

    .macro channel first:req, second:req, index:req
    vldrb.8 q0, [r1, #16 * \index]
    vldrw.u32 q1, [q4, #4 * \index]
    vmladava.s8 \first, q0, q1
    vldrw.u32 q2, [q5, #4 * \index]
    vmladava.s8 \second, q0, q2
    .endm

    .macro once
    vldrw.32 q2, [r3, #16]
    vqrdmulh.s32 q0, q0, q2
    vqrdmulh.s32 q1, q1, q2
    .endm

    .macro rising
    vldrw.32 q2, [r3, #16]
    vqrdmulh.s32 q0, q0, q2
    vqrdmulh.s32 q1, q1, q2
    vldrw.32 q2, [r3, #32]
    vrshl.s32 q0, q0, q2
    vrshl.s32 q1, q1, q2
    .endm

    .macro twice
    vldrw.32 q2, [r3, #16]
    vqrdmulh.s32 q0, q0, q2
    vqrdmulh.s32 q1, q1, q2
    vldrw.32 q2, [r3, #32]
    vshr.s32 q3, q0, #31
    vadd.i32 q0, q0, q3
    vshr.s32 q3, q1, #31
    vadd.i32 q1, q1, q3
    vrshl.s32 q0, q0, q2
    vrshl.s32 q1, q1, q2
    .endm

/* In: r1 columns, r2 column_pitch, r3 kernel_w, r4 weights, r5 records, r6 out, r7 channels,
 * r8 pairs, r9 second_columns, r10 second_out, r11 pace. Columns beyond the kernel have weights of
 * 0; the last one is gathered in their place. */
    .macro depthwise_2x4 name, rounding, large=0
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r3-r11, lr}
    vpush   {d8-d13}
    sub     sp, sp, #FRAME
    ldm     r0, {r1-r11}
    cmp     r7, #16
    it      gt
    movgt   r7, #16
    strd    r9, r10, [sp]
    strd    r6, r7, [sp, #OUT]
    strd    r11, r8, [sp, #16]
    .if     \large
    ldrd    r9, r10, [r0, #44]
    str     r9, [sp, #DELTAS]
    lsl     r10, r10, #6
    strd    r4, r10, [sp, #WEIGHTS]
    .endif
    mov     r0, #0
    vidup.u32 q6, r0, #1
    sub     r3, r3, #1
    vdup.32 q0, r3
    vmin.u32 q6, q6, q0
    vmul.i32 q6, q6, r2
    vadd.i32 q6, q6, r1
    mov     r1, r4
    mov     r3, r5
.Lgroup_\name:
    ldm     sp, {r0, r2, r4, r6, r9, r11}
    vctp.32 r6
    vmov    q4, q6
    vadd.i32 q5, q6, r0
    mov     r5, r4
    add     r7, r4, r2
.Lpair_\name:
    ldm     r3, {r0, r2, r4, r6}
    ldm     r3, {r8, r10, r12, lr}
    .if     \large
    strd    r3, r5, [sp, #KEPT]
    ldr     r3, [sp, #DELTAS]
.Ltaps_\name:
    .endif
    channel r0, r8, 0
    channel r2, r10, 1
    channel r4, r12, 2
    channel r6, lr, 3
    .if     \large
    ldr     r5, [r3], #4
    add     r1, r1, #64
    vadd.i32 q4, q4, r5
    vadd.i32 q5, q5, r5
    cmp     r5, #0
    bne     .Ltaps_\name
    ldr     r1, [sp, #WEIGHTS]
    ldrd    r3, r5, [sp, #KEPT]
    .endif
    vmov    q0[2], q0[0], r0, r4
    vmov    q0[3], q0[1], r2, r6
    vmov    q1[2], q1[0], r8, r12
    vmov    q1[3], q1[1], r10, lr
    \rounding
    ldm     r9, {r0, r2, r4, r9}
    vqmovnb.s32 q0, q0
    vqmovnt.s32 q0, q1
    vqadd.s16 q0, q0, r4
    vqmovnb.s16 q0, q0
    vshr.u32 q1, q0, #16
    vpstt
    vstrbt.32 q0, [r5]
    vstrbt.32 q1, [r7]
    vadd.i32 q4, q4, r0
    vadd.i32 q5, q5, r0
    add     r5, r5, r2
    add     r7, r7, r2
    subs    r11, r11, #1
    bne.w   .Lpair_\name
    .if     \large
    ldrd    r1, r2, [sp, #WEIGHTS]
    add     r1, r1, r2
    str     r1, [sp, #WEIGHTS]
    .else
    add     r1, r1, #64
    .endif
    add     r3, r3, #48
    mov     r0, #16
    vadd.i32 q6, q6, r0
    ldrd    r4, r6, [sp, #OUT]
    add     r4, r4, #4
    subs    r6, r6, #4
    strd    r4, r6, [sp, #OUT]
    bgt.w   .Lgroup_\name
    add     sp, sp, #FRAME
    vpop    {d8-d13}
    pop     {r3-r11, pc}
    .size   \name, . - \name
    .endm

    depthwise_2x4 edge_mve_depthwise_2x4_once, once
    depthwise_2x4 edge_mve_depthwise_2x4_twice, twice
    depthwise_2x4 edge_mve_depthwise_2x4_rising, rising
    depthwise_2x4 edge_mve_depthwise_large_2x4_once, once, 1
    depthwise_2x4 edge_mve_depthwise_large_2x4_twice, twice, 1
    depthwise_2x4 edge_mve_depthwise_large_2x4_rising, rising, 1
#endif
