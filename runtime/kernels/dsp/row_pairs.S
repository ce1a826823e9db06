/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_row_pairs_<8|6|4|2>_<once|twice>(const edge_dsp_scattered *pairs): for a strip of
 * pixels, all output channels, from pairs of weights within 4 input channels.
 * void edge_dsp_widen_row_pairs(void *strip, const int8_t *in, const int8_t *other, int32_t words):
 * the pairs of two pixels in each place of a strip, in the order of widen_pairs.S.
 *
 * Strip and stream are those of edge/dsp_sparse.h, the arithmetic that of edge/dsp.h. r2 weights, r3
 * places to the next pair.
 */
#ifdef __ARM_FEATURE_DSP
#include "strips_of_8.h"

    .syntax unified
    .thumb

    .macro row_pairs pixels
    add     r0, r0, r3, lsl #5
    ldr     r2, [r1], #3
    sxtb16  r2, r2
    multiply_\pixels
    .endm

    .macro load_step
    ldrb    r3, [r1, #-2]
    .endm

    .macro multiply_8
    ldm     r0!, {r3, r12, lr}
    smlad   r4, r2, r3, r4
    smlad   r5, r2, r12, r5
    smlad   r6, r2, lr, r6
    ldm     r0!, {r3, r12, lr}
    smlad   r7, r2, r3, r7
    smlad   r8, r2, r12, r8
    smlad   r9, r2, lr, r9
    ldrd    r12, lr, [r0], #8
    load_step
    smlad   r10, r2, r12, r10
    smlad   r11, r2, lr, r11
    .endm

    .macro multiply_6
    ldm     r0!, {r3, r10-r12, lr}
    smlad   r4, r2, r3, r4
    smlad   r5, r2, r10, r5
    ldr     r10, [r0], #12
    load_step
    smlad   r6, r2, r11, r6
    smlad   r7, r2, r12, r7
    smlad   r8, r2, lr, r8
    smlad   r9, r2, r10, r9
    .endm

    .macro multiply_4
    ldrd    r8, r9, [r0], #8
    ldrd    r10, r11, [r0], #24
    load_step
    smlad   r4, r2, r8, r4
    smlad   r5, r2, r9, r5
    smlad   r6, r2, r10, r6
    smlad   r7, r2, r11, r7
    .endm

    .macro multiply_2
    ldrd    r8, r9, [r0], #32
    load_step
    smlad   r4, r2, r8, r4
    smlad   r5, r2, r9, r5
    .endm

    .macro start_row_pairs_2
    ldr     r4, [r1], #4
    mov     r5, r4
    .endm

    .macro start_row_pairs_4
    start_row_pairs_2
    mov     r6, r4
    mov     r7, r4
    .endm

    .macro start_row_pairs_6
    start_row_pairs_4
    mov     r8, r4
    mov     r9, r4
    .endm

    .macro start_row_pairs_8
    start_row_pairs_6
    mov     r10, r4
    mov     r11, r4
    .endm

    .macro finish_row_pairs_2
    .endm

    .macro finish_row_pairs_4
    .endm

    .macro finish_row_pairs_6
    .endm

    .macro finish_row_pairs_8
    .endm

    strips  row_pairs

    .section .text.edge_dsp_widen_row_pairs, "ax", %progbits
    .global edge_dsp_widen_row_pairs
    .type   edge_dsp_widen_row_pairs, %function
    .balign 4
    .thumb_func
edge_dsp_widen_row_pairs:
    push    {r4-r9}
.Lwindow:
    ldr     r5, [r1], #4
    ldr     r7, [r2], #4
    sxtb16  r4, r5
    sxtb16  r5, r5, ror #8
    sxtb16  r6, r7
    sxtb16  r7, r7, ror #8
    strd    r4, r6, [r0], #32
    strd    r5, r7, [r0], #32
    pkhbt   r8, r4, r5, lsl #16
    pkhbt   r9, r6, r7, lsl #16
    strd    r8, r9, [r0], #32
    pkhbt   r8, r4, r5
    pkhbt   r9, r6, r7
    strd    r8, r9, [r0], #32
    pkhbt   r8, r5, r4
    pkhbt   r9, r7, r6
    strd    r8, r9, [r0], #32
    pkhtb   r8, r5, r4, asr #16
    pkhtb   r9, r7, r6, asr #16
    strd    r8, r9, [r0], #32
    subs    r3, r3, #1
    bne     .Lwindow
    pop     {r4-r9}
    bx      lr
    .size   edge_dsp_widen_row_pairs, . - edge_dsp_widen_row_pairs
#endif
