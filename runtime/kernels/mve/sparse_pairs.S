/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_mve_sparse_2x16_<once|shifted|twice>(const edge_mve_sparse *sparse): a strip of 4 pixels,
 * all output channels, two at a time. Layouts are in edge/mve_sparse.h.
 * void edge_mve_sparse_2x4_<once|shifted|twice>(const edge_mve_sparse *sparse): the same with 4 words
 * gathered from the strip in place of a vector.
 *
 * VMLADAVA takes even registers only: r0, r2, r4, r6 hold the even channel of pixels 0-3, r8, r10,
 * r12, lr the odd one. In 2x16, 4 blocks are unrolled. A pair of channels enters so that its last
 * block is the last of the 4; only there the byte that ends a pair is looked for. In 2x4, 2 groups
 * of 4 blocks are unrolled, and an odd number enters at the second.
 *
 * r1 stream, r3 block's pixels or groups left, r5 vector, r7 output of pixel 0, r9 records, r11
 * strip, q0, q1 weights, q2-q5 pixels, q6 distances of the pixels' outputs, q7 words of pixel 0.
 */
#ifdef __ARM_FEATURE_MVE
    .syntax unified
    .thumb

#define END 32
#define ZERO_POINT 36
#define FRAME 40

    .macro load_vector
    ldrb    r5, [r1], #1
    .endm

    .macro block
    add     r3, r11, r5, lsl #6
    vldrb.8 q0, [r1], #16
    vldrb.8 q2, [r3]
    vldrb.8 q3, [r3, #16]
    vmladava.s8 r0, q0, q2
    vldrb.8 q1, [r1], #16
    vmladava.s8 r2, q0, q3
    vldrb.8 q4, [r3, #32]
    vmladava.s8 r8, q1, q2
    vldrb.8 q5, [r3, #48]
    vmladava.s8 r10, q1, q3
    vmladava.s8 r4, q0, q4
    vmladava.s8 r12, q1, q4
    vmladava.s8 r6, q0, q5
    vmladava.s8 lr, q1, q5
    .endm

/* q0, q1 += start values, times multipliers r4, r6 */
    .macro once
    ldm     r9!, {r0, r2, r4, r6}
    vadd.i32 q0, q0, r0
    vadd.i32 q1, q1, r2
    vqrdmulh.s32 q0, q0, r4
    vqrdmulh.s32 q1, q1, r6
    .endm

    .macro shifted
    ldm     r9!, {r0, r2, r4, r6, r8, r10}
    vadd.i32 q0, q0, r0
    vadd.i32 q1, q1, r2
    vqdmulh.s32 q0, q0, r4
    vqdmulh.s32 q1, q1, r6
    vrshl.s32 q0, r8
    vrshl.s32 q1, r10
    .endm

    .macro twice
    ldm     r9!, {r0, r2, r4, r6, r8, r10}
    vadd.i32 q0, q0, r0
    vadd.i32 q1, q1, r2
    vqrdmulh.s32 q0, q0, r4
    vqrdmulh.s32 q1, q1, r6
    vshr.s32 q2, q0, #31
    vshr.s32 q3, q1, #31
    vadd.i32 q0, q0, q2
    vadd.i32 q1, q1, q3
    vrshl.s32 q0, r8
    vrshl.s32 q1, r10
    .endm

/* Registers, zero accumulators at sp, the end of the outputs and the zero point. */
    .macro enter name
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    vpush   {d8-d15}
    sub     sp, sp, #FRAME + 4
    ldr     r1, [r0]
    ldr     r11, [r0, #4]
    ldr     r9, [r0, #8]
    ldrd    r7, r2, [r0, #12]
    ldr     r3, [r0, #36]
    add     r0, r0, #20
    vldrw.32 q6, [r0]
    vmov.i32 q0, #0
    vstrw.32 q0, [sp]
    vstrw.32 q0, [sp, #16]
    strd    r2, r3, [sp, #END]
.Lpair_\name:
    .endm

/* Scales and stores a pair of channels, then goes on with the next one. */
    .macro finish name, rounding
    vmov    q0[2], q0[0], r0, r4
    vmov    q0[3], q0[1], r2, r6
    vmov    q1[2], q1[0], r8, r12
    vmov    q1[3], q1[1], r10, lr
    \rounding
    ldrd    r0, r2, [sp, #END]
    vqmovnb.s32 q0, q0
    vqmovnb.s32 q1, q1
    vqadd.s16 q0, q0, r2
    vqadd.s16 q1, q1, r2
    vqmovnb.s16 q0, q0
    vqmovnb.s16 q1, q1
    vstrb.32 q0, [r7, q6]
    add     r7, r7, #1
    vstrb.32 q1, [r7, q6]
    add     r7, r7, #1
    cmp     r7, r0
    bne.w   .Lpair_\name
    add     sp, sp, #FRAME + 4
    vpop    {d8-d15}
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    .macro sparse_2x16 name, rounding
    enter   \name
    load_vector
    ldm     sp, {r0, r2, r4, r6, r8, r10, r12, lr}
    tbb     [pc, r5]
.Lentries_\name:
    .byte   (.Llast_\name - .Lentries_\name) / 2
    .byte   (.Lone_\name - .Lentries_\name) / 2
    .byte   (.Ltwo_\name - .Lentries_\name) / 2
    .byte   (.Lthree_\name - .Lentries_\name) / 2
.Lfour_\name:
    block
.Lthree_\name:
    load_vector
    block
.Ltwo_\name:
    load_vector
    block
.Lone_\name:
    load_vector
    block
.Llast_\name:
    load_vector
    cmp     r5, #255
    bne.w   .Lfour_\name
    finish  \name, \rounding
    .endm

    .macro group
    vldrh.u32 q7, [r1], #8
    vldrb.8 q0, [r1], #16
    vadd.i32 q7, q7, r11
    vldrw.u32 q2, [q7]
    vldrb.8 q1, [r1], #16
    vldrw.u32 q3, [q7, #16]
    vmladava.s8 r0, q0, q2
    vmladava.s8 r8, q1, q2
    vldrw.u32 q4, [q7, #32]
    vmladava.s8 r2, q0, q3
    vmladava.s8 r10, q1, q3
    vldrw.u32 q5, [q7, #48]
    vmladava.s8 r4, q0, q4
    vmladava.s8 r12, q1, q4
    vmladava.s8 r6, q0, q5
    vmladava.s8 lr, q1, q5
    .endm

    .macro sparse_2x4 name, rounding
    enter   \name
    ldrh    r3, [r1], #2
    ldm     sp, {r0, r2, r4, r6, r8, r10, r12, lr}
    adds    r3, r3, #1
    lsrs    r3, r3, #1
    beq.w   .Lend_\name
    bcc.w   .Lsecond_\name
.Lfirst_\name:
    group
.Lsecond_\name:
    group
    subs    r3, r3, #1
    bne.w   .Lfirst_\name
.Lend_\name:
    finish  \name, \rounding
    .endm

    sparse_2x16 edge_mve_sparse_2x16_once, once
    sparse_2x16 edge_mve_sparse_2x16_shifted, shifted
    sparse_2x16 edge_mve_sparse_2x16_twice, twice
    sparse_2x4 edge_mve_sparse_2x4_once, once
    sparse_2x4 edge_mve_sparse_2x4_shifted, shifted
    sparse_2x4 edge_mve_sparse_2x4_twice, twice
#endif
