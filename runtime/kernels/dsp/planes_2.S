/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_planes_2(void *plane, const int8_t *first, const int8_t *second, int32_t columns,
 *                        int32_t first_step, int32_t second_step): four channels of two rows as
 * depthwise_1x4.S reads them: for each column the words (first, second) of int16 of the channels 0
 * to 3. Steps are the bytes from a column to the next one. At least one column.
 *
 * r0 plane, r1 first, r2 second, r3 columns, r4, r5 steps, r6-r9 the channels.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

    .macro column
    ldr     r8, [r1]
    ldr     r9, [r2]
    add     r1, r1, r4
    add     r2, r2, r5
    pkhbt   r6, r8, r9, lsl #16
    pkhtb   r9, r9, r8, asr #16
    sxtb16  r7, r6, ror #8
    sxtb16  r6, r6
    sxtb16  r8, r9
    sxtb16  r9, r9, ror #8
    stm     r0!, {r6-r9}
    .endm

    .section .text.edge_dsp_planes_2, "ax", %progbits
    .global edge_dsp_planes_2
    .type   edge_dsp_planes_2, %function
    .balign 4
    .thumb_func
edge_dsp_planes_2:
    push    {r4-r9}
    ldrd    r4, r5, [sp, #24]
    tst     r3, #1
    beq     .Ltwo
    column
    subs    r3, r3, #1
    beq     .Ldone
.Ltwo:
    column
    column
    subs    r3, r3, #2
    bne     .Ltwo
.Ldone:
    pop     {r4-r9}
    bx      lr
    .size   edge_dsp_planes_2, . - edge_dsp_planes_2
#endif
