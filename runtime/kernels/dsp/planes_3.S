/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_planes_3(void *planes, const int8_t *const (*columns)[6], int32_t channel,
 *                        int32_t pairs): four channels of three rows as depthwise_3x3.S reads them.
 *
 * columns has for each pair of columns x, x + 1 the addresses of channel 0 of: row 0 x, row 1 x,
 * row 0 x + 1, row 1 x + 1, row 2 x, row 2 x + 1. Planes are EDGE_DSP_PLANE_BYTES apart.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define PLANE 156

/* Words of four channels from two bytes quadruples: channels 0 and 1 of both in \low, 2 and 3 in
 * \high. */
    .macro pair low:req, first:req, second:req
    pkhbt   \low, \first, \second, lsl #16
    pkhtb   \second, \second, \first, asr #16
    .endm

    .section .text.edge_dsp_planes_3, "ax", %progbits
    .global edge_dsp_planes_3
    .type   edge_dsp_planes_3, %function
    .balign 4
    .thumb_func
edge_dsp_planes_3:
    push    {r4-r11, lr}
.Lpair:
    ldm     r1!, {r4-r9}
    ldr     r4, [r4, r2]
    ldr     r5, [r5, r2]
    ldr     r6, [r6, r2]
    ldr     r7, [r7, r2]
    ldr     r8, [r8, r2]
    ldr     r9, [r9, r2]
    pair    r10, r4, r5
    pair    r11, r6, r7
    pair    r12, r8, r9
    sxtb16  r4, r10
    sxtb16  r6, r11
    strd    r4, r6, [r0]
    sxtb16  r10, r10, ror #8
    sxtb16  r11, r11, ror #8
    strd    r10, r11, [r0, #PLANE]
    sxtb16  r4, r5
    sxtb16  r6, r7
    strd    r4, r6, [r0, #2 * PLANE]
    sxtb16  r5, r5, ror #8
    sxtb16  r7, r7, ror #8
    strd    r5, r7, [r0, #3 * PLANE]
    sxtb16  r4, r12
    str     r4, [r0, #8]
    sxtb16  r12, r12, ror #8
    str     r12, [r0, #PLANE + 8]
    sxtb16  r4, r9
    str     r4, [r0, #2 * PLANE + 8]
    sxtb16  r9, r9, ror #8
    str     r9, [r0, #3 * PLANE + 8]
    add     r0, r0, #12
    subs    r3, r3, #1
    bne     .Lpair
    pop     {r4-r11, pc}
    .size   edge_dsp_planes_3, . - edge_dsp_planes_3
#endif
