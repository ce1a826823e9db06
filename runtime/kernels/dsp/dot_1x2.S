/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_dot_1x2_<pair|wide>_<once|twice>(const edge_dsp_dot *dot): for 1 pixel, all output
 * channels.
 *
 * As dot_4x2.S with a strip [steps] of int16 pairs.
 *
 * r0 strip, r1 weights, r4 even channel, r5 odd channel (pair: the mixed sum at first).
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define STRIP 0
#define END16 4
#define END4 8
#define END1 12
#define RECORDS 16
#define OFFSET 20
#define OUT 24
#define END 28
#define FRAME 32
#define RECORD_PAIR 16
#define RECORD_WIDE 20

    .macro step_pair weights:req, values:req
    sxtb16  r10, \weights
    smlad   r5, \weights, \values, r5
    smlad   r4, r10, \values, r4
    .endm

    .macro step_wide weights:req, values:req
    sxtb16  r10, \weights
    smlad   r4, r10, \values, r4
    sxtb16  r10, \weights, ror #8
    smlad   r5, r10, \values, r5
    .endm

    .macro four_steps kind
    ldm     r1!, {r2, r3, r12, lr}
    ldm     r0!, {r6-r9}
    step_\kind r2, r6
    step_\kind r3, r7
    step_\kind r12, r8
    step_\kind lr, r9
    .endm

    .macro start_pair
    ldrd    r4, r5, [r2]
    asr     r4, r4, #8
    add     r5, r5, r4
    .endm

    .macro start_wide
    ldrd    r4, r5, [r2]
    .endm

/* r11 = rounding constant of the channel whose shift is in \shift. */
    .macro once acc:req, multiplier:req, shift:req
    ldr     r11, [sp, #OFFSET]
    lsl     r11, r11, \shift
    smmla   \acc, \acc, \multiplier, r11
    asr     \acc, \acc, \shift
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro twice acc:req, multiplier:req, shift:req
    ldr     r11, [sp, #OFFSET]
    lsl     r11, r11, \shift
    add     r11, r11, \acc, asr #31
    smmlar  \acc, \acc, \multiplier, r11
    asr     \acc, \acc, \shift
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro odd_pair_once
    sub     r5, r5, r4
    asr     r5, r5, #8
    .endm

/* `twice` wants the sums doubled. */
    .macro odd_pair_twice
    sub     r5, r5, r4
    asr     r5, r5, #7
    lsl     r4, r4, #1
    .endm

    .macro odd_wide_once
    .endm

    .macro odd_wide_twice
    lsl     r4, r4, #1
    lsl     r5, r5, #1
    .endm

    .macro shifts_pair
    ldrb    r6, [r0]
    ldrb    r7, [r0, #4]
    .endm

    .macro shifts_wide
    ldrb    r6, [r0, #16]
    ldrb    r7, [r0, #17]
    .endm

    .macro dot_1x2 name, kind, rounding, record_bytes
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
    bic     r2, r10, #15
    add     r2, r4, r2, lsl #2
    bic     r3, r10, #3
    add     r3, r4, r3, lsl #2
    add     r12, r4, r10, lsl #2
    strd    r4, r2, [sp, #STRIP]
    strd    r3, r12, [sp, #END4]
    strd    r6, r11, [sp, #RECORDS]
    strd    r7, r8, [sp, #OUT]
.Lpair_\name:
    ldrd    r0, r11, [sp, #STRIP]
    ldr     r2, [sp, #RECORDS]
    start_\kind
    cmp     r0, r11
    beq     .Lfour_\name
.Lsixteen_\name:
    four_steps \kind
    four_steps \kind
    four_steps \kind
    four_steps \kind
    cmp     r0, r11
    bne     .Lsixteen_\name
.Lfour_\name:
    ldr     r11, [sp, #END4]
    cmp     r0, r11
    beq     .Lrest_\name
.Lfour_loop_\name:
    four_steps \kind
    cmp     r0, r11
    bne     .Lfour_loop_\name
.Lrest_\name:
    ldr     r11, [sp, #END1]
    cmp     r0, r11
    beq     .Ldone_\name
.Lone_loop_\name:
    ldr     r2, [r1], #4
    ldr     r6, [r0], #4
    step_\kind r2, r6
    cmp     r0, r11
    bne     .Lone_loop_\name
.Ldone_\name:
    ldr     r0, [sp, #RECORDS]
    odd_\kind\()_\rounding
    shifts_\kind
    ldrd    r8, r9, [r0, #8]
    \rounding r4, r8, r6
    \rounding r5, r9, r7
    add     r0, r0, #\record_bytes
    str     r0, [sp, #RECORDS]
    ldrd    r2, r3, [sp, #OUT]
    bfi     r4, r5, #8, #8
    strh    r4, [r2], #2
    str     r2, [sp, #OUT]
    cmp     r2, r3
    bne.w   .Lpair_\name
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    dot_1x2 edge_dsp_dot_1x2_pair_once, pair, once, RECORD_PAIR
    dot_1x2 edge_dsp_dot_1x2_pair_twice, pair, twice, RECORD_PAIR
    dot_1x2 edge_dsp_dot_1x2_wide_once, wide, once, RECORD_WIDE
    dot_1x2 edge_dsp_dot_1x2_wide_twice, wide, twice, RECORD_WIDE
#endif
