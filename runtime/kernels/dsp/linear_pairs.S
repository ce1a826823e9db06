/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_linear_pairs_<once|shifted|twice>(const void *strip, const int32_t *stream, int32_t
 * offset, int8_t *out): one vector times channels in groups of 4, of which only the pairs of inputs are
 * stored that a channel of the group has weights for.
 *
 * Stream, for each 4 channels:
 *
 *     entry   the number of steps modulo 8, but 8 where it is a positive multiple: 8 are unrolled,
 *             and the last one is the last of the 8. 9 behind the last channels
 *     starts  4 words, even and even + 256 * odd of two pairs of channels
 *     rounds  of the 8 steps
 *     steps   two places of a pair in the strip, in bytes, and for each of them two words: halfwords
 *             w_even + 256 * w_odd of channels 0, 1 and of channels 2, 3
 *     scale   once: the multipliers q of edge/dsp.h, f = 0; else q and f of each channel, rounded
 *             once in `shifted`
 *
 * `offset` is 2 * zero point + 1.
 *
 * r0 strip, r1 stream, r4, r6 even channels, r5, r7 mixed and then odd channels, lr out.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

    .macro multiply even:req, mixed:req, weights:req, values:req
    smlad   \mixed, \weights, \values, \mixed
    sxtb16  \weights, \weights
    smlad   \even, \weights, \values, \even
    .endm

    .macro step
    ldm     r1!, {r2, r3, r8-r11}
    ldr     r2, [r0, r2]
    ldr     r3, [r0, r3]
    multiply r4, r5, r8, r2
    multiply r6, r7, r9, r2
    multiply r4, r5, r10, r3
    multiply r6, r7, r11, r3
    .endm

/* An odd channel is scaled as 256 times its sum: `shift` is 8 more. */
    .macro scale_once acc:req, multiplier:req, constant:req, shift:req
    smmla   \acc, \acc, \multiplier, \constant
    ssat    \acc, #8, \acc, asr #\shift
    .endm

    .macro finish_once
    ldm     r1!, {r2, r3, r8, r9}
    ldrd    r10, r11, [sp]
    sub     r5, r5, r4
    sub     r7, r7, r6
    scale_once r4, r2, r10, 1
    scale_once r5, r3, r11, 9
    scale_once r6, r8, r10, 1
    scale_once r7, r9, r11, 9
    .endm

    .macro scale_shifted acc:req
    ldm     r1!, {r2, r3}
    lsl     r8, r10, r3
    smmla   \acc, \acc, r2, r8
    asr     \acc, \acc, r3
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro finish_shifted
    ldr     r10, [sp]
    sub     r5, r5, r4
    sub     r7, r7, r6
    asr     r5, r5, #8
    asr     r7, r7, #8
    scale_shifted r4
    scale_shifted r5
    scale_shifted r6
    scale_shifted r7
    .endm

    .macro scale_twice acc:req
    ldm     r1!, {r2, r3}
    lsl     r8, r10, r3
    add     r8, r8, \acc, asr #31
    smmlar  \acc, \acc, r2, r8
    asr     \acc, \acc, r3
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro finish_twice
    ldr     r10, [sp]
    sub     r5, r5, r4
    sub     r7, r7, r6
    asr     r5, r5, #7
    asr     r7, r7, #7
    lsl     r4, r4, #1
    lsl     r6, r6, #1
    scale_twice r4
    scale_twice r5
    scale_twice r6
    scale_twice r7
    .endm

    .macro linear_pairs name, finish
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    lsl     r4, r2, #8
    push    {r2, r4}
    mov     lr, r3
.Lgroup_\name:
    ldm     r1!, {r2, r4-r7, r12}
    tbh     [pc, r2, lsl #1]
.Lentries_\name:
    .hword  (.L0_\name - .Lentries_\name) / 2
    .hword  (.L1_\name - .Lentries_\name) / 2
    .hword  (.L2_\name - .Lentries_\name) / 2
    .hword  (.L3_\name - .Lentries_\name) / 2
    .hword  (.L4_\name - .Lentries_\name) / 2
    .hword  (.L5_\name - .Lentries_\name) / 2
    .hword  (.L6_\name - .Lentries_\name) / 2
    .hword  (.L7_\name - .Lentries_\name) / 2
    .hword  (.L8_\name - .Lentries_\name) / 2
    .hword  (.L9_\name - .Lentries_\name) / 2
.L8_\name:
    step
.L7_\name:
    step
.L6_\name:
    step
.L5_\name:
    step
.L4_\name:
    step
.L3_\name:
    step
.L2_\name:
    step
.L1_\name:
    step
    subs    r12, r12, #1
    bne.w   .L8_\name
.L0_\name:
    \finish
    bfi     r4, r5, #8, #8
    bfi     r6, r7, #8, #8
    pkhbt   r4, r4, r6, lsl #16
    str     r4, [lr], #4
    b       .Lgroup_\name
.L9_\name:
    add     sp, sp, #8
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    linear_pairs edge_dsp_linear_pairs_once, finish_once
    linear_pairs edge_dsp_linear_pairs_shifted, finish_shifted
    linear_pairs edge_dsp_linear_pairs_twice, finish_twice
#endif
