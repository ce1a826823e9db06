/* SPDX-License-Identifier: Apache-2.0
 *
 * void *edge_dsp_widen_pairs_<6|16|28>(void *strip, const int8_t *in, const int8_t *end): so many
 * pairs of inputs of each window, as int16, and the end of the strip. At least one window.
 *
 * 6 are the pairs of 4 inputs: A = (0, 2), B = (1, 3), then the four of A and B. The four of U and V,
 * with the values u0, u1 and v0, v1, are the pairs (u0, v0), (u0, v1), (v0, u1), (u1, v1). 28 are
 * those of 8 inputs: A, B, C = (4, 6), D = (5, 7), then the four of A and B, A and C, A and D, B and
 * C, B and D, C and D. 16 are those of A and C, A and D, B and C, B and D.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

    .macro widen even:req, odd:req
    ldr     \odd, [r1], #4
    sxtb16  \even, \odd
    sxtb16  \odd, \odd, ror #8
    .endm

    .macro low_low pair:req, u:req, v:req
    pkhbt   \pair, \u, \v, lsl #16
    .endm

    .macro low_high pair:req, u:req, v:req
    pkhbt   \pair, \u, \v
    .endm

    .macro high_high pair:req, u:req, v:req
    pkhtb   \pair, \v, \u, asr #16
    .endm

    .macro four u:req, v:req, a:req, b:req, c:req, d:req
    low_low \a, \u, \v
    low_high \b, \u, \v
    low_high \c, \v, \u
    high_high \d, \u, \v
    .endm

    .macro window_6
    widen   r4, r5
    four    r4, r5, r6, r7, r8, r9
    stm     r0!, {r4-r9}
    .endm

    .macro window_16
    widen   r3, r4
    widen   r5, r6
    four    r3, r5, r7, r8, r9, r10
    low_low r11, r3, r6
    low_high r12, r3, r6
    low_high lr, r6, r3
    stm     r0!, {r7-r12, lr}
    high_high r3, r3, r6
    four    r4, r5, r7, r8, r9, r10
    low_low r11, r4, r6
    low_high r12, r4, r6
    low_high lr, r6, r4
    stm     r0!, {r3, r7-r12, lr}
    high_high r4, r4, r6
    str     r4, [r0], #4
    .endm

/* r3 and r4 are free once A and B are paired with all others. */
    .macro window_28
    widen   r3, r4
    widen   r5, r6
    four    r3, r4, r7, r8, r9, r10
    low_low r11, r3, r5
    low_high r12, r3, r5
    low_high lr, r5, r3
    stm     r0!, {r3-r12, lr}
    high_high r7, r3, r5
    four    r3, r6, r8, r9, r10, r11
    low_low r12, r4, r5
    low_high lr, r4, r5
    stm     r0!, {r7-r12, lr}
    low_high r3, r5, r4
    high_high r7, r4, r5
    low_low r8, r4, r6
    low_high r9, r4, r6
    low_high r10, r6, r4
    high_high r11, r4, r6
    low_low r12, r5, r6
    low_high lr, r5, r6
    stm     r0!, {r3, r7-r12, lr}
    low_high r7, r6, r5
    high_high r8, r5, r6
    stm     r0!, {r7, r8}
    .endm

    .macro widen_pairs name, window
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
.Lloop_\name:
    \window
    cmp     r1, r2
    bne     .Lloop_\name
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    widen_pairs edge_dsp_widen_pairs_6, window_6
    widen_pairs edge_dsp_widen_pairs_16, window_16
    widen_pairs edge_dsp_widen_pairs_28, window_28
#endif
