/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_depthwise_3x3_s<1|2>_<once|twice>(const edge_dsp_depthwise *depthwise): one output
 * row of up to 4 channels.
 *
 * A plane of a channel holds 3 words for each pair of columns x, x + 1: (row 0, row 1) of column x,
 * (row 0, row 1) of column x + 1, (column x, column x + 1) of row 2, all int16. A record is 5 words:
 * bytes w00 w01 w10 w11, w02 - w12 -, w20 w21 w21 w22, and the word and multiplier of edge/dsp.h,
 * f = 0 in `once`. 5 registers serve all 9 taps, 5 multiplications make an output.
 *
 * r0 plane, r1 output, r2 (w00, w10), r3 (w01, w11), r4 (w02, w12), r5 (w20, w21), r6 (w21, w22),
 * r7 bytes between outputs, r8, r9 two outputs, r12 bias.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define RECORDS 0
#define RECORDS_END 4
#define PLANE_STEP 8
#define OUT_STEP 12
#define MULTIPLIER 16
#define CONSTANT 20
#define SHIFT 24
#define OFFSET 28
#define PLANE_END 32
#define PLANE_PITCH 36
#define ENTRY 40
#define EXIT 44
#define FRAME 48

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

/* In: r0 plane, r1 records, r2 their end, r3 out, r4 outputs, r5 bytes between outputs,
 * r6 bytes between planes, r7 offset. */
    .macro depthwise_3x3 name, stride, rounding, pair_bytes
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r0-r7}
    strd    r1, r2, [sp, #RECORDS]
    str     r7, [sp, #OFFSET]
    mov     r7, r5
    lsr     r8, r4, #1
    mov     r9, #\pair_bytes
    mla     r10, r8, r9, r0
    strd    r10, r6, [sp, #PLANE_END]
    and     r11, r4, #1
    add     r9, r11, r11, lsl #1
    add     r10, r10, r9, lsl #2
    sub     r10, r0, r10
    add     r10, r10, r6
    mul     r9, r4, r5
    sub     r9, r9, #1
    strd    r10, r9, [sp, #PLANE_STEP]
    adr.w   r10, .Lodd_\name
    adr.w   r9, .Lnext_\name
    cmp     r11, #0
    it      eq
    moveq   r10, r9
    orr     r10, r10, #1
    adr.w   r9, .Lloop_\name
    tst     r8, #1
    beq     .Leven_\name
    adr.w   r9, .Lmiddle_\name
.Leven_\name:
    orr     r9, r9, #1
    cmp     r8, #0
    it      eq
    moveq   r9, r10
    strd    r9, r10, [sp, #ENTRY]
    mov     r10, r1
    mov     r1, r3
    b       .Lchannel_\name
.Lnext_\name:
    ldrd    r10, r11, [sp, #PLANE_STEP]
    add     r0, r0, r10
    sub     r1, r1, r11
    ldrd    r10, r11, [sp, #PLANE_END]
    add     r10, r10, r11
    str     r10, [sp, #PLANE_END]
    ldrd    r10, r11, [sp, #RECORDS]
    cmp     r10, r11
    beq     .Lend_\name
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
    ldr     r10, [sp, #PLANE_END]
    cmp     r0, r10
    bne     .Lloop_\name
    ldr     pc, [sp, #EXIT]
.Lodd_\name:
    one_output r8
    scale_one_\rounding
    strb    r8, [r1]
    add     r1, r1, r7
    b       .Lnext_\name
.Lend_\name:
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    depthwise_3x3 edge_dsp_depthwise_3x3_s1_once, 1, once, 12
    depthwise_3x3 edge_dsp_depthwise_3x3_s1_twice, 1, twice, 12
    depthwise_3x3 edge_dsp_depthwise_3x3_s2_once, 2, once, 24
    depthwise_3x3 edge_dsp_depthwise_3x3_s2_twice, 2, twice, 24
#endif
