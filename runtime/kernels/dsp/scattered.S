/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_scattered_<8|6|4|2>_<once|twice>(const edge_dsp_scattered *scattered): for a strip
 * of pixels, all output channels, from single weights.
 * void edge_dsp_widen_duo(void *strip, const int8_t *in, const int8_t *other, int32_t words): the
 * word of two pixels in each place of a strip.
 *
 * Strip and stream are those of edge/dsp_sparse.h, the arithmetic that of edge/dsp.h. SMLAL adds the
 * products of a weight with two pixels to 64 bits: a + 2^23 * b, |a|, |b| < 2^22.
 *
 * r0 strip, r1 stream, r2 weight, r3 channels to the next one, from r4 on sums of two registers,
 * later of one.
 */
#ifdef __ARM_FEATURE_DSP
#include "strips_of_8.h"

    .syntax unified
    .thumb

    .macro load_step
    ldrb    r3, [r1], #1
    .endm

    .macro load_weight
    ldrsb   r2, [r1], #1
    .endm

/* The step to the next weight is loaded between products, which hides how long it takes. */
    .macro scattered pixels
    add     r0, r0, r3, lsl #4
    multiply_\pixels
    .endm

    .macro multiply_8
    ldrd    r12, lr, [r0]
    load_weight
    smlal   r4, r5, r2, r12
    smlal   r6, r7, r2, lr
    ldrd    r12, lr, [r0, #8]
    load_step
    smlal   r8, r9, r2, r12
    smlal   r10, r11, r2, lr
    .endm

    .macro multiply_6
    ldm     r0, {r10-r12}
    load_weight
    smlal   r4, r5, r2, r10
    load_step
    smlal   r6, r7, r2, r11
    smlal   r8, r9, r2, r12
    .endm

    .macro multiply_4
    ldrd    r10, r11, [r0]
    load_weight
    load_step
    smlal   r4, r5, r2, r10
    smlal   r6, r7, r2, r11
    .endm

    .macro multiply_2
    ldr     r10, [r0]
    load_weight
    load_step
    smlal   r4, r5, r2, r10
    .endm

    .macro start_scattered_2
    ldr     r4, [r1], #4
    ldr     r5, [r1], #4
    .endm

    .macro start_scattered_4
    start_scattered_2
    mov     r6, r4
    mov     r7, r5
    .endm

    .macro start_scattered_6
    start_scattered_4
    mov     r8, r4
    mov     r9, r5
    .endm

    .macro start_scattered_8
    start_scattered_6
    mov     r10, r4
    mov     r11, r5
    .endm

/* a + 2^23 * b to a and b; the carry is the sign of a. */
    .macro separate low:req, high:req
    lsrs    r0, \low, #23
    sbfx    \low, \low, #0, #23
    adc     \high, r0, \high, lsl #9
    .endm

    .macro finish_scattered_2
    separate r4, r5
    .endm

    .macro finish_scattered_4
    finish_scattered_2
    separate r6, r7
    .endm

    .macro finish_scattered_6
    finish_scattered_4
    separate r8, r9
    .endm

    .macro finish_scattered_8
    finish_scattered_6
    separate r10, r11
    .endm

    strips  scattered

    .macro duo at:req
    sbfx    r6, r4, #\at, #8
    sbfx    r7, r5, #\at, #8
    add     r6, r6, r7, lsl #23
    str     r6, [r0], #16
    .endm

    .section .text.edge_dsp_widen_duo, "ax", %progbits
    .global edge_dsp_widen_duo
    .type   edge_dsp_widen_duo, %function
    .balign 4
    .thumb_func
edge_dsp_widen_duo:
    push    {r4-r7}
.Lduo:
    ldr     r4, [r1], #4
    ldr     r5, [r2], #4
    duo     0
    duo     8
    duo     16
    duo     24
    subs    r3, r3, #1
    bne     .Lduo
    pop     {r4-r7}
    bx      lr
    .size   edge_dsp_widen_duo, . - edge_dsp_widen_duo
#endif
