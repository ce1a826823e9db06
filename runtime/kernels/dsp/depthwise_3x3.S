/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_depthwise_3x3_s<1|2>_<once|twice>(const edge_dsp_depthwise *depthwise): a run of
 * outputs of one row, for a multiple of 4 channels.
 *
 * Four channels at a time are brought into planes (planes_3.S), then each is computed. A plane
 * holds 3 words for each pair of columns x, x + 1: (row 0, row 1) of column x, (row 0, row 1) of
 * column x + 1, (column x, column x + 1) of row 2, all int16. A record is 5 words: bytes w00 w01
 * w10 w11, w02 - w12 -, w20 w21 w21 w22, and the word and multiplier of edge/dsp.h, f = 0 in `once`.
 * 5 registers serve all 9 taps, 5 multiplications make an output. Loops end by the output address,
 * of which the last lies at most 3 bytes above the end for the first of 4 channels, less than the
 * distance of two outputs.
 *
 * r0 plane, r1 output, r2 (w00, w10), r3 (w01, w11), r4 (w02, w12), r5 (w20, w21), r6 (w21, w22),
 * r7 bytes between outputs, r8, r9 two outputs, r12 bias.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define PLANES 0
#define COLUMNS 4
#define CHANNEL 8
#define PAIRS 12
#define VARYING 16
#define CHANNELS_END 20
#define RECORDS 24
#define RECORDS_END 28
#define PLANE_STEP 32
#define OUT_STEP 36
#define OUT_END 40 /* of the pairs of outputs of the first of 4 channels */
#define PAIRS_BYTES 44
#define MULTIPLIER 48
#define CONSTANT 52
#define SHIFT 56
#define OFFSET 60
#define ENTRY 64
#define EXIT 68
#define OUT 72
#define PITCH 76
#define FRAME 84 /* keeps the stack aligned to 8 bytes at the call */
#define PLANE_BYTES 156 /* EDGE_DSP_PLANE_BYTES */

/* Stride 1: outputs of columns x and x + 1 from columns x to x + 3. */
    .macro two_outputs_1
    ldrd    r10, r11, [r0], #12
    smlad   r8, r10, r2, r12
    smlad   r9, r11, r2, r12
    smlad   r8, r11, r3, r8
    ldrd    r10, r11, [r0, #-4]
    smlad   r8, r10, r5, r8
    smlatb  r9, r10, r5, r9
    smlad   r8, r11, r4, r8
    smlad   r9, r11, r3, r9
    ldrd    r10, r11, [r0, #4]
    smlad   r9, r10, r4, r9
    smlabt  r8, r11, r6, r8
    smlad   r9, r11, r6, r9
    .endm

/* One output from the columns of a pair and the first of the next. */
    .macro one_output acc:req
    ldrd    r10, r11, [r0], #12
    smlad   \acc, r10, r2, r12
    smlad   \acc, r11, r3, \acc
    ldrd    r10, r11, [r0, #-4]
    smlad   \acc, r10, r5, \acc
    ldr     r10, [r0, #8]
    smlad   \acc, r11, r4, \acc
    smlabt  \acc, r10, r6, \acc
    .endm

    .macro two_outputs_2
    one_output r8
    one_output r9
    .endm

    .macro scale_two_once
    ldrd    r10, r11, [sp, #MULTIPLIER]
    smmla   r8, r8, r10, r11
    smmla   r9, r9, r10, r11
    ssat    r8, #8, r8, asr #1
    ssat    r9, #8, r9, asr #1
    .endm

    .macro scale_two_twice
    ldrd    r10, r11, [sp, #MULTIPLIER]
    add     lr, r11, r8, asr #31
    smmlar  r8, r8, r10, lr
    add     lr, r11, r9, asr #31
    smmlar  r9, r9, r10, lr
    ldr     r10, [sp, #SHIFT]
    asr     r8, r8, r10
    asr     r9, r9, r10
    ssat    r8, #8, r8, asr #1
    ssat    r9, #8, r9, asr #1
    .endm

    .macro scale_one_once
    ldrd    r10, r11, [sp, #MULTIPLIER]
    smmla   r8, r8, r10, r11
    ssat    r8, #8, r8, asr #1
    .endm

    .macro scale_one_twice
    ldrd    r10, r11, [sp, #MULTIPLIER]
    add     lr, r11, r8, asr #31
    smmlar  r8, r8, r10, lr
    ldr     r10, [sp, #SHIFT]
    asr     r8, r8, r10
    ssat    r8, #8, r8, asr #1
    .endm

    .macro start_once
    asr     r12, r8, #8
    ldr     r11, [sp, #OFFSET]
    strd    lr, r11, [sp, #MULTIPLIER]
    .endm

/* Sums are doubled in the weights and the bias. */
    .macro start_twice
    sadd16  r2, r2, r2
    sadd16  r3, r3, r3
    sadd16  r4, r4, r4
    sadd16  r5, r5, r5
    sadd16  r6, r6, r6
    uxtb    r9, r8
    asr     r12, r8, #7
    ldr     r11, [sp, #OFFSET]
    lsl     r11, r11, r9
    strd    lr, r11, [sp, #MULTIPLIER]
    str     r9, [sp, #SHIFT]
    .endm

    .macro two_outputs stride, rounding
    two_outputs_\stride
    scale_two_\rounding
    strb    r8, [r1]
    strb    r9, [r1, r7]
    add     r1, r1, r7, lsl #1
    .endm

/* In: r1 planes, r2 columns, r3 channel, r4 pairs, r5 varying, r6 end of channels, r7 records,
 * r8 out, r9 outputs, r10 bytes between outputs, r11 offset. */
    .macro depthwise_3x3 name, stride, rounding, pair_bytes
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r1-r11}
    stm     sp, {r1-r7}
    str     r11, [sp, #OFFSET]
    strd    r8, r10, [sp, #OUT]
    mov     r7, r10
    lsr     r8, r9, #1
    mul     r2, r8, r10
    lsl     r2, r2, #1
    str     r2, [sp, #PAIRS_BYTES]
    mov     r0, #\pair_bytes
    mla     r2, r8, r0, r1
    and     r3, r9, #1
    add     r4, r3, r3, lsl #1
    add     r2, r2, r4, lsl #2
    sub     r2, r1, r2
    add     r2, r2, #PLANE_BYTES
    mul     r4, r9, r10
    sub     r4, r4, #1
    strd    r2, r4, [sp, #PLANE_STEP]
    adr.w   r2, .Lodd_\name
    adr.w   r4, .Lnext_\name
    cmp     r3, #0
    it      eq
    moveq   r2, r4
    orr     r2, r2, #1
    adr.w   r4, .Lloop_\name
    tst     r8, #1
    beq     .Leven_\name
    adr.w   r4, .Lmiddle_\name
.Leven_\name:
    orr     r4, r4, #1
    cmp     r8, #0
    it      eq
    moveq   r4, r2
    strd    r4, r2, [sp, #ENTRY]
.Lplanes_\name:
    ldm     sp, {r0-r3}
    bl      edge_dsp_planes_3
    ldrd    r8, r9, [sp, #CHANNEL]
    ldr     r9, [sp, #VARYING]
    add     r8, r8, #4
    strd    r8, r9, [sp, #CHANNEL]
    ldr     r10, [sp, #RECORDS]
    add     r11, r10, #80
    str     r11, [sp, #RECORDS_END]
    ldr     r0, [sp, #PLANES]
    ldrd    r1, r7, [sp, #OUT]
    ldr     r11, [sp, #PAIRS_BYTES]
    add     r11, r11, r1
    str     r11, [sp, #OUT_END]
    b       .Lchannel_\name
.Lnext_\name:
    ldrd    r10, r11, [sp, #PLANE_STEP]
    add     r0, r0, r10
    sub     r1, r1, r11
    ldrd    r10, r11, [sp, #RECORDS]
    cmp     r10, r11
    beq     .Lfour_\name
.Lchannel_\name:
    ldm     r10!, {r2, r4, r6, r8, lr}
    str     r10, [sp, #RECORDS]
    sxtb16  r3, r2, ror #8
    sxtb16  r2, r2
    sxtb16  r4, r4
    sxtb16  r5, r6
    sxtb16  r6, r6, ror #8
    start_\rounding
    ldr     pc, [sp, #ENTRY]
.Lloop_\name:
    two_outputs \stride, \rounding
.Lmiddle_\name:
    two_outputs \stride, \rounding
    ldr     r10, [sp, #OUT_END]
    cmp     r1, r10
    blo     .Lloop_\name
    ldr     pc, [sp, #EXIT]
.Lodd_\name:
    one_output r8
    scale_one_\rounding
    strb    r8, [r1]
    add     r1, r1, r7
    b       .Lnext_\name
.Lfour_\name:
    str     r1, [sp, #OUT]
    ldr     r8, [sp, #CHANNEL]
    ldr     r9, [sp, #CHANNELS_END]
    cmp     r8, r9
    bne     .Lplanes_\name
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    depthwise_3x3 edge_dsp_depthwise_3x3_s1_once, 1, once, 12
    depthwise_3x3 edge_dsp_depthwise_3x3_s1_twice, 1, twice, 12
    depthwise_3x3 edge_dsp_depthwise_3x3_s2_once, 2, once, 24
    depthwise_3x3 edge_dsp_depthwise_3x3_s2_twice, 2, twice, 24
#endif
