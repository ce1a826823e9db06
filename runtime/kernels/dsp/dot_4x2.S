/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_dot_4x2_<once|twice>(const edge_dsp_dot *dot): for 4 pixels, all output channels.
 *
 * strip [steps][4 pixels] of int16 pairs, weights [channels / 2][steps] words of two halfwords
 * w_even + 256 * w_odd, records and arithmetic as edge/dsp.h says. SMLAD with the raw word sums
 * even + 256 * odd, with its sign-extended low bytes even alone. The channels of a pair are
 * written as one halfword.
 *
 * r0 strip, r1 weights, r4-r7 even channel of pixels 0-3, r8-r11 mixed and then odd channel.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define STRIP 0
#define RECORDS 4
#define ENTRY 8
#define STRIP_END 12
#define OFFSET 16
#define OUT 20
#define END 24
#define PITCH 28
#define PITCH3 32
#define FRAME 36
#define STEP_BYTES 48
#define UNROLL 16

/* The first step takes the start values r4, r8 as addends of all pixels. */
    .macro first_step
    ldr     r3, [r1], #4
    sxtb16  r2, r3
    ldrd    r12, lr, [r0, #8]
    smlad   r6, r12, r2, r4
    smlad   r7, lr, r2, r4
    smlad   r10, r12, r3, r8
    smlad   r11, lr, r3, r8
    ldrd    r12, lr, [r0], #16
    smlad   r5, lr, r2, r4
    smlad   r4, r12, r2, r4
    smlad   r9, lr, r3, r8
    smlad   r8, r12, r3, r8
    .endm

/* 12 instructions of 4 bytes: the entry into the loop is computed from that. */
    .macro step
    ldr     r3, [r1], #4
    sxtb16  r2, r3
    ldrd    r12, lr, [r0, #8]
    smlad   r6, r12, r2, r6
    smlad   r7, lr, r2, r7
    smlad   r10, r12, r3, r10
    smlad   r11, lr, r3, r11
    ldrd    r12, lr, [r0], #16
    smlad   r4, r12, r2, r4
    smlad   r5, lr, r2, r5
    smlad   r8, r12, r3, r8
    smlad   r9, lr, r3, r9
    .endm

    .macro separate acc:req, even:req, shift:req
    sub     \acc, \acc, \even
    asr     \acc, \acc, #\shift
    .endm

    .macro once acc:req, multiplier:req
    smmla   \acc, \acc, \multiplier, r12
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro finish_once
    ldrd    r2, r3, [r0, #8]
    ldr     r12, [sp, #OFFSET]
    separate r8, r4, 8
    separate r9, r5, 8
    separate r10, r6, 8
    separate r11, r7, 8
    once    r4, r2
    once    r5, r2
    once    r6, r2
    once    r7, r2
    once    r8, r3
    once    r9, r3
    once    r10, r3
    once    r11, r3
    .endm

/* r2 = shift, r3 = rounding constant, lr = multiplier of channel `index` of the record at r0. */
    .macro constants index
    ldrb    r2, [r0, #4 * \index]
    ldr     r3, [sp, #OFFSET]
    ldr     lr, [r0, #8 + 4 * \index]
    lsl     r3, r3, r2
    .endm

    .macro twice acc:req
    add     r12, r3, \acc, asr #31
    smmlar  \acc, \acc, lr, r12
    asr     \acc, \acc, r2
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro doubled_twice acc:req
    add     r12, r3, \acc, asr #31
    lsl     \acc, \acc, #1
    smmlar  \acc, \acc, lr, r12
    asr     \acc, \acc, r2
    ssat    \acc, #8, \acc, asr #1
    .endm

/* The odd channel is left doubled by shifting one place less. */
    .macro finish_twice
    separate r8, r4, 7
    separate r9, r5, 7
    separate r10, r6, 7
    separate r11, r7, 7
    constants 0
    doubled_twice r4
    doubled_twice r5
    doubled_twice r6
    doubled_twice r7
    constants 1
    twice   r8
    twice   r9
    twice   r10
    twice   r11
    .endm

    .macro store_pairs
    ldrd    r2, r3, [sp, #OUT]
    ldrd    r12, lr, [sp, #PITCH]
    bfi     r4, r8, #8, #8
    bfi     r5, r9, #8, #8
    bfi     r6, r10, #8, #8
    bfi     r7, r11, #8, #8
    strh    r5, [r2, r12]
    strh    r6, [r2, r12, lsl #1]
    strh    r7, [r2, lr]
    strh    r4, [r2], #2
    str     r2, [sp, #OUT]
    .endm

    .macro dot_4x2 name, finish
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r4-r11}
    mov     r1, r5
    strd    r4, r6, [sp, #STRIP]
    strd    r7, r8, [sp, #OUT]
    add     r2, r9, r9, lsl #1
    strd    r9, r2, [sp, #PITCH]
    add     r2, r4, r10, lsl #4
    strd    r2, r11, [sp, #STRIP_END]
    subs    r10, r10, #1
    rsb     r3, r10, #0
    and     r3, r3, #UNROLL - 1
    mov     r5, #STEP_BYTES
    adr.w   r2, .Lsteps_\name
    mla     r2, r3, r5, r2
    cmp     r10, #0
    bne     .Lentry_\name
    adr.w   r2, .Ldone_\name
.Lentry_\name:
    orr     r2, r2, #1
    str     r2, [sp, #ENTRY]
.Lpair_\name:
    ldrd    r0, r2, [sp, #STRIP]
    ldrd    r4, r8, [r2]
    asr     r4, r4, #8
    add     r8, r8, r4
    first_step
    ldr     pc, [sp, #ENTRY]
    .balign 4
.Lsteps_\name:
    .rept   UNROLL
    step
    .endr
    ldr     r2, [sp, #STRIP_END]
    cmp     r0, r2
    bne.w   .Lsteps_\name
.Ldone_\name:
    ldr     r0, [sp, #RECORDS]
    \finish
    add     r0, r0, #16
    str     r0, [sp, #RECORDS]
    store_pairs
    cmp     r2, r3
    bne.w   .Lpair_\name
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    dot_4x2 edge_dsp_dot_4x2_once, finish_once
    dot_4x2 edge_dsp_dot_4x2_twice, finish_twice
#endif
