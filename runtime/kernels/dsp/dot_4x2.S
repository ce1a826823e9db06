/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_dot_4x2_<pair|wide>_<once|twice>(const edge_dsp_dot *dot): for 4 pixels, all output
 * channels, two at a time. Arithmetic and records are those of edge/dsp.h.
 *
 * strip [steps][4 pixels] of int16 pairs, weights [channels / 2][steps] words:
 *   pair  two halfwords w_even + 256 * w_odd. SMLAD with the raw word sums even + 256 * odd, with its
 *         sign-extended low bytes even alone;
 *   wide  bytes w_even, w_odd of the first tap, then of the second.
 * The channels of a pair are written as one halfword.
 *
 * r0 strip, r1 weights, r4-r7 even channel of pixels 0-3, r8-r11 odd channel (pair: the mixed sum
 * at first).
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
#define STEP_BYTES_PAIR 48 /* of the macro step */
#define STEP_BYTES_WIDE 52
#define RECORD_PAIR 16
#define RECORD_WIDE 20
#define UNROLL 16

    .macro unpack_pair
    sxtb16  r2, r3
    .endm

    .macro unpack_wide
    sxtb16  r2, r3
    sxtb16  r3, r3, ror #8
    .endm

    .macro start_pair
    ldrd    r4, r8, [r2]
    asr     r4, r4, #8
    add     r8, r8, r4
    .endm

    .macro start_wide
    ldrd    r4, r8, [r2]
    .endm

/* Loads stand apart from their uses and r2, made last, is used last: fewer stalls on a core that
 * issues two instructions in order. The first step takes the start values r4, r8 as addends of all
 * pixels. */
    .macro first_step kind
    ldr     r3, [r1], #4
    ldrd    r12, lr, [r0, #8]
    unpack_\kind
    smlad   r10, r12, r3, r8
    smlad   r11, lr, r3, r8
    smlad   r6, r12, r2, r4
    smlad   r7, lr, r2, r4
    ldrd    r12, lr, [r0], #16
    smlad   r9, lr, r3, r8
    smlad   r8, r12, r3, r8
    smlad   r5, lr, r2, r4
    smlad   r4, r12, r2, r4
    .endm

/* All instructions have 4 bytes: the entry into the loop is computed from that. */
    .macro step kind
    ldr     r3, [r1], #4
    ldrd    r12, lr, [r0, #8]
    unpack_\kind
    smlad   r10, r12, r3, r10
    smlad   r11, lr, r3, r11
    smlad   r6, r12, r2, r6
    smlad   r7, lr, r2, r7
    ldrd    r12, lr, [r0], #16
    smlad   r8, r12, r3, r8
    smlad   r9, lr, r3, r9
    smlad   r4, r12, r2, r4
    smlad   r5, lr, r2, r5
    .endm

    .macro separate acc:req, even:req, shift:req
    sub     \acc, \acc, \even
    asr     \acc, \acc, #\shift
    .endm

    .macro separate_all shift:req
    separate r8, r4, \shift
    separate r9, r5, \shift
    separate r10, r6, \shift
    separate r11, r7, \shift
    .endm

    .macro odd_pair_once
    separate_all 8
    .endm

/* `twice` wants the odd channel doubled: shifting one place less does that. */
    .macro odd_pair_twice
    separate_all 7
    .endm

    .macro odd_wide_once
    .endm

    .macro odd_wide_twice
    lsl     r8, r8, #1
    lsl     r9, r9, #1
    lsl     r10, r10, #1
    lsl     r11, r11, #1
    .endm

    .macro once acc:req, multiplier:req
    smmla   \acc, \acc, \multiplier, r12
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro finish_once kind
    ldrd    r2, r3, [r0, #8]
    ldr     r12, [sp, #OFFSET]
    once    r4, r2
    once    r5, r2
    once    r6, r2
    once    r7, r2
    once    r8, r3
    once    r9, r3
    once    r10, r3
    once    r11, r3
    .endm

    .macro shift_pair index
    ldrb    r2, [r0, #4 * \index]
    .endm

    .macro shift_wide index
    ldrb    r2, [r0, #16 + \index]
    .endm

/* r2 = shift, r3 = rounding constant, lr = multiplier of channel `index` of the record at r0. */
    .macro constants kind, index
    shift_\kind \index
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

    .macro finish_twice kind
    constants \kind, 0
    doubled_twice r4
    doubled_twice r5
    doubled_twice r6
    doubled_twice r7
    constants \kind, 1
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

    .macro dot_4x2 name, kind, rounding, step_bytes, record_bytes
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
    mov     r5, #\step_bytes
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
    start_\kind
    first_step \kind
    ldr     pc, [sp, #ENTRY]
    .balign 4
.Lsteps_\name:
    .rept   UNROLL
    step    \kind
    .endr
    ldr     r2, [sp, #STRIP_END]
    cmp     r0, r2
    bne.w   .Lsteps_\name
.Ldone_\name:
    ldr     r0, [sp, #RECORDS]
    odd_\kind\()_\rounding
    finish_\rounding \kind
    add     r0, r0, #\record_bytes
    str     r0, [sp, #RECORDS]
    store_pairs
    cmp     r2, r3
    bne.w   .Lpair_\name
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    dot_4x2 edge_dsp_dot_4x2_pair_once, pair, once, STEP_BYTES_PAIR, RECORD_PAIR
    dot_4x2 edge_dsp_dot_4x2_pair_twice, pair, twice, STEP_BYTES_PAIR, RECORD_PAIR
    dot_4x2 edge_dsp_dot_4x2_wide_once, wide, once, STEP_BYTES_WIDE, RECORD_WIDE
    dot_4x2 edge_dsp_dot_4x2_wide_twice, wide, twice, STEP_BYTES_WIDE, RECORD_WIDE
#endif
