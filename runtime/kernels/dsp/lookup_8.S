/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_lookup_8(const int8_t *middle, const int8_t *in, int8_t *out, const int8_t *end):
 * out[i] = middle[in[i]], 8 elements a turn, of which 4 are read before they are written. `end` is
 * out + a multiple of 8 that is not 0.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

    .macro four
    ldr     r4, [r1], #4
    sxtb    r5, r4
    sxtb    r6, r4, ror #8
    sxtb    r7, r4, ror #16
    asr     r4, r4, #24
    ldrb    r5, [r0, r5]
    ldrb    r6, [r0, r6]
    ldrb    r7, [r0, r7]
    ldrb    r4, [r0, r4]
    orr     r5, r5, r6, lsl #8
    orr     r7, r7, r4, lsl #8
    orr     r5, r5, r7, lsl #16
    str     r5, [r2], #4
    .endm

    .section .text.edge_dsp_lookup_8, "ax", %progbits
    .global edge_dsp_lookup_8
    .type   edge_dsp_lookup_8, %function
    .balign 4
    .thumb_func
edge_dsp_lookup_8:
    push    {r4-r7}
.Leight:
    four
    four
    cmp     r2, r3
    bne     .Leight
    pop     {r4-r7}
    bx      lr
    .size   edge_dsp_lookup_8, . - edge_dsp_lookup_8
#endif
