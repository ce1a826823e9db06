/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_mve_dot_2x4_<once|shifted|twice|rising>(const edge_mve_dot *dot): two pixels at a time, all
 * output channels. Arithmetic and layouts are in edge/mve.h.
 *
 * VMLADAVA takes even registers only: r0, r2, r4, r6 hold the 4 channels of pixel 0, r8, r10, r12,
 * lr those of pixel 1. The 2x4 products of a vector of 16 taps need 6 loads; each comes two
 * instructions before its first use, the first two of a vector still in the one before.
 *
 * r1 weights, r3, r5 pixels, r7 output of pixel 0, r9 records, r11 the end of pixel 0, q0, q1 pixels, q2, q3 weights.
 */
#ifdef __ARM_FEATURE_MVE
    .syntax unified
    .thumb

#define LAST_OUT 0
#define PITCH 4
#define ZERO_POINT 8
#define ENTRY 12
#define WEIGHTS 16
#define IN_STEP 20
#define PIXELS 24
#define OUT_SKIP 32
#define OUT_STEP 36
#define PAIRS 40
#define RECORDS 44
#define FRAME 52 /* keeps the stack aligned to 8 bytes */
#define VECTOR_BYTES 56
#define UNROLL 8

/* 14 instructions of 4 bytes: the entry into the loop is computed from that. */
    .macro vector
    vldrb.8 q1, [r5], #16
    vmladava.s8 r0, q2, q0
    vldrb.8 q3, [r1], #16
    vmladava.s8 r8, q2, q1
    vldrb.8 q2, [r1], #16
    vmladava.s8 r2, q3, q0
    vmladava.s8 r10, q3, q1
    vldrb.8 q3, [r1], #16
    vmladava.s8 r4, q2, q0
    vmladava.s8 r12, q2, q1
    vldrb.8 q2, [r1], #16
    vmladava.s8 r6, q3, q0
    vldrb.8 q0, [r3], #16
    vmladava.s8 lr, q3, q1
    .endm

    .macro last_vector
    vldrb.8 q1, [r5], #16
    vmladava.s8 r0, q2, q0
    vldrb.8 q3, [r1], #16
    vmladava.s8 r8, q2, q1
    vldrb.8 q2, [r1], #16
    vmladava.s8 r2, q3, q0
    vmladava.s8 r10, q3, q1
    vldrb.8 q3, [r1], #16
    vmladava.s8 r4, q2, q0
    vmladava.s8 r12, q2, q1
    vmladava.s8 r6, q3, q0
    vmladava.s8 lr, q3, q1
    .endm

    .macro once
    vldrw.32 q2, [r9], #32
    vqrdmulh.s32 q0, q0, q2
    vqrdmulh.s32 q1, q1, q2
    .endm

    .macro shifted
    vldrw.32 q2, [r9], #16
    vqdmulh.s32 q0, q0, q2
    vqdmulh.s32 q1, q1, q2
    vldrw.32 q2, [r9], #16
    vrshl.s32 q0, q0, q2
    vrshl.s32 q1, q1, q2
    .endm

    .macro rising
    vldrw.32 q2, [r9], #16
    vqrdmulh.s32 q0, q0, q2
    vqrdmulh.s32 q1, q1, q2
    vldrw.32 q2, [r9], #16
    vrshl.s32 q0, q0, q2
    vrshl.s32 q1, q1, q2
    .endm

    .macro twice
    vldrw.32 q2, [r9], #16
    vqrdmulh.s32 q0, q0, q2
    vqrdmulh.s32 q1, q1, q2
    vldrw.32 q2, [r9], #16
    vshr.s32 q3, q0, #31
    vadd.i32 q0, q0, q3
    vshr.s32 q3, q1, #31
    vadd.i32 q1, q1, q3
    vrshl.s32 q0, q0, q2
    vrshl.s32 q1, q1, q2
    .endm

/* In: r1 in, r2 in_pitch, r3 weights, r4 records, r5 out, r6 out_pitch, r7 channels, r8 vectors,
 * r9 pairs, r10 zero point. */
    .macro dot_2x4 name, rounding
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r1-r10}
    add     r0, r1, r2
    strd    r1, r0, [sp, #PIXELS]
    lsl     r2, r2, #1
    strd    r3, r2, [sp, #WEIGHTS]
    strd    r9, r4, [sp, #PAIRS]
    add     r0, r5, r7
    sub     r0, r0, #4
    strd    r0, r6, [sp, #LAST_OUT]
    add     r0, r7, #3
    bic     r0, r0, #3
    lsl     r6, r6, #1
    sub     r0, r6, r0
    strd    r0, r6, [sp, #OUT_SKIP]
    add     r11, r1, r8, lsl #4
    subs    r8, r8, #1
    rsb     r0, r8, #0
    and     r0, r0, #UNROLL - 1
    mov     r2, #VECTOR_BYTES
    adr.w   r6, .Lvectors_\name
    mla     r0, r0, r2, r6
    cmp     r8, #0
    bne     .Lentry_\name
    adr.w   r0, .Llast_\name
.Lentry_\name:
    orr     r0, r0, #1
    strd    r10, r0, [sp, #ZERO_POINT]
    mov     r1, r3
    mov     r9, r4
    mov     r7, r5
.Lgroup_\name:
    ldrd    r3, r5, [sp, #PIXELS]
    ldm     r9, {r0, r2, r4, r6}
    ldm     r9!, {r8, r10, r12, lr}
    vldrb.8 q0, [r3], #16
    vldrb.8 q2, [r1], #16
    ldr     pc, [sp, #ENTRY]
    .balign 4
.Lvectors_\name:
    .rept   UNROLL
    vector
    .endr
    cmp     r3, r11
    bne.w   .Lvectors_\name
.Llast_\name:
    last_vector
    vmov    q0[2], q0[0], r0, r4
    vmov    q0[3], q0[1], r2, r6
    vmov    q1[2], q1[0], r8, r12
    vmov    q1[3], q1[1], r10, lr
    \rounding
    ldm     sp, {r0, r2, r4}
    add     r2, r2, r7
    vqmovnb.s32 q0, q0
    vqmovnt.s32 q0, q1
    vqadd.s16 q0, q0, r4
    vqmovnb.s16 q0, q0
    vshr.u32 q1, q0, #16
    cmp     r7, r0
    bhi     .Lpart_\name
    vstrb.32 q0, [r7], #4
    vstrb.32 q1, [r2]
    blo.w   .Lgroup_\name
.Lpixels_\name:
    add     r0, sp, #WEIGHTS
    ldm     r0, {r1, r2, r3, r4, r5, r6, r8, r9}
    add     r3, r3, r2
    add     r4, r4, r2
    strd    r3, r4, [sp, #PIXELS]
    add     r11, r11, r2
    add     r7, r7, r5
    ldr     r10, [sp, #LAST_OUT]
    add     r10, r10, r6
    str     r10, [sp, #LAST_OUT]
    subs    r8, r8, #1
    str     r8, [sp, #PAIRS]
    bne.w   .Lgroup_\name
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
.Lpart_\name:
    sub     r0, r0, r7
    add     r0, r0, #4
    vctp.32 r0
    vpstt
    vstrbt.32 q0, [r7], #4
    vstrbt.32 q1, [r2]
    b       .Lpixels_\name
    .size   \name, . - \name
    .endm

    dot_2x4 edge_mve_dot_2x4_once, once
    dot_2x4 edge_mve_dot_2x4_shifted, shifted
    dot_2x4 edge_mve_dot_2x4_twice, twice
    dot_2x4 edge_mve_dot_2x4_rising, rising
#endif
