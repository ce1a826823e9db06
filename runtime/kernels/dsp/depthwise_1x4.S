/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_depthwise_1x4_<once|twice>(const edge_dsp_taps *taps): a run of outputs of one
 * row, 4 outputs of one channel at a time, for a window of any size.
 *
 * The window is cut into segments: two kernel rows, of which the columns under neighbouring outputs
 * are neighbours in a plane (planes_2.S). A tap is a word of the plane, both rows of a column, times
 * a word of two weights. The 4 outputs of a tap read 4 columns, of which 3 are those of the tap
 * before: columns rotate through r4-r7. A table describes the segments by 3 words each: taps modulo
 * 4, taps / 4, and the bytes from where the plane was left (3 columns behind the taps) to where the
 * segment starts. After the last one comes 4, 0, and the bytes to the next 4 outputs.
 *
 * Weights of a segment: if taps are odd, bytes w0 - v0 of the first tap; then w0 w1 v0 v1 of each
 * two, w for the first row and v for the second. Up to 3 outputs more than wanted are computed, of
 * columns that need not hold anything.
 *
 * r0 plane, r1 weights, r2 weights of a tap, r3 rounds of 4 taps, r4-r7 columns, r8-r11
 * accumulators, r12 weights of the next tap, lr segments.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define WEIGHTS 0
#define SEGMENTS 4
#define MULTIPLIER 8
#define CONSTANT 12
#define OUT 16
#define LEFT 20
#define PITCH 24
#define SHIFT 28
#define BIAS 32
#define PLANE 36
#define FIRST_OUT 40
#define OUTPUTS 44
#define OFFSET 48
#define RECORD 52
#define CHANNELS 56
#define PLANE_STEP 60
#define FRAME 64
#define COLUMN 16 /* bytes of a column of the plane */

/* Column \d enters. */
    .macro tap a:req, b:req, c:req, d:req, weights:req
    ldr     \d, [r0], #COLUMN
    smlad   r8, \a, \weights, r8
    smlad   r9, \b, \weights, r9
    smlad   r10, \c, \weights, r10
    smlad   r11, \d, \weights, r11
    .endm

    .macro single_tap a:req, b:req, c:req, d:req
    ldr     r2, [r1], #3
    sxtb16  r2, r2
    tap     \a, \b, \c, \d, r2
    .endm

    .macro two_taps a:req, b:req, c:req, d:req
    ldr     r12, [r1], #4
    sxtb16  r2, r12
    sxtb16  r12, r12, ror #8
    tap     \a, \b, \c, \d, r2
    tap     \b, \c, \d, \a, r12
    .endm

    .macro first_columns a:req, b:req, c:req
    ldr     \a, [r0], #COLUMN
    ldr     \b, [r0], #COLUMN
    ldr     \c, [r0], #COLUMN
    .endm

/* r2 word, r12 multiplier, r7 offset. */
    .macro start_once
    asr     r8, r2, #8
    str     r8, [sp, #BIAS]
    strd    r12, r7, [sp, #MULTIPLIER]
    .endm

    .macro start_twice
    start_once
    uxtb    r9, r2
    lsl     r7, r7, r9
    str     r7, [sp, #CONSTANT]
    str     r9, [sp, #SHIFT]
    .endm

/* r2 multiplier, r3 constant, r7 shift. */
    .macro scale_once acc:req
    smmla   \acc, \acc, r2, r3
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro scale_twice acc:req
    add     r12, r3, \acc, asr #31
    lsl     \acc, \acc, #1
    smmlar  \acc, \acc, r2, r12
    asr     \acc, \acc, r7
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro depthwise_1x4 rounding
    .section .text.edge_dsp_depthwise_1x4_\rounding, "ax", %progbits
    .global edge_dsp_depthwise_1x4_\rounding
    .type   edge_dsp_depthwise_1x4_\rounding, %function
    .balign 4
    .thumb_func
edge_dsp_depthwise_1x4_\rounding:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r0-r9}
    strd    r1, r3, [sp, #WEIGHTS]
    strd    r0, r4, [sp, #PLANE]
    strd    r6, r7, [sp, #OUTPUTS]
    strd    r8, r9, [sp, #CHANNELS]
    str     r5, [sp, #PITCH]
    str     r2, [sp, #RECORD]
.Lchannel_\rounding:
    ldr     r3, [sp, #RECORD]
    ldrd    r2, r12, [r3], #8
    str     r3, [sp, #RECORD]
    ldrd    r6, r7, [sp, #OUTPUTS]
    start_\rounding
    ldrd    r0, r4, [sp, #PLANE]
    strd    r4, r6, [sp, #OUT]
.Lfour_\rounding:
    ldrd    r1, lr, [sp, #WEIGHTS]
    ldr     r8, [sp, #BIAS]
    mov     r9, r8
    mov     r10, r8
    mov     r11, r8
    b       .Lsegment_\rounding
.Lnone_\rounding:
    first_columns r4, r5, r6
.Lloop_\rounding:
    two_taps r4, r5, r6, r7
    two_taps r6, r7, r4, r5
    subs    r3, r3, #1
    bpl     .Lloop_\rounding
.Lsegment_\rounding:
    ldm     lr!, {r2, r3, r12}
    add     r0, r0, r12
    tbb     [pc, r2]
.Lbranches_\rounding:
    .byte   (.Lrest_0_\rounding - .Lbranches_\rounding) / 2
    .byte   (.Lrest_1_\rounding - .Lbranches_\rounding) / 2
    .byte   (.Lrest_2_\rounding - .Lbranches_\rounding) / 2
    .byte   (.Lrest_3_\rounding - .Lbranches_\rounding) / 2
    .byte   (.Lscale_\rounding - .Lbranches_\rounding) / 2
    .balign 2
.Lrest_0_\rounding:
    sub     r3, r3, #1
    b       .Lnone_\rounding
.Lrest_1_\rounding:
    first_columns r7, r4, r5
    single_tap r7, r4, r5, r6
    subs    r3, r3, #1
    bpl     .Lloop_\rounding
    b       .Lsegment_\rounding
.Lrest_3_\rounding:
    first_columns r5, r6, r7
    single_tap r5, r6, r7, r4
    two_taps r6, r7, r4, r5
    subs    r3, r3, #1
    bpl     .Lloop_\rounding
    b       .Lsegment_\rounding
.Lrest_2_\rounding:
    first_columns r6, r7, r4
    two_taps r6, r7, r4, r5
    subs    r3, r3, #1
    bpl     .Lloop_\rounding
    b       .Lsegment_\rounding
.Lscale_\rounding:
    ldrd    r2, r3, [sp, #MULTIPLIER]
    ldrd    r4, r6, [sp, #OUT]
    ldrd    r5, r7, [sp, #PITCH]
    scale_\rounding r8
    scale_\rounding r9
    scale_\rounding r10
    scale_\rounding r11
    subs    r6, r6, #4
    blo     .Llast_\rounding
    strb    r8, [r4]
    strb    r9, [r4, r5]
    add     r4, r4, r5, lsl #1
    strb    r10, [r4]
    strb    r11, [r4, r5]
    add     r4, r4, r5, lsl #1
    strd    r4, r6, [sp, #OUT]
    bne     .Lfour_\rounding
    b       .Ldone_\rounding
.Llast_\rounding:
    strb    r8, [r4]
    adds    r6, r6, #2
    it      pl
    strbpl  r9, [r4, r5]
    add     r4, r4, r5, lsl #1
    it      gt
    strbgt  r10, [r4]
.Ldone_\rounding:
    str     r1, [sp, #WEIGHTS]
    ldrd    r0, r4, [sp, #PLANE]
    ldrd    r2, r3, [sp, #CHANNELS]
    add     r0, r0, r3
    add     r4, r4, #1
    strd    r0, r4, [sp, #PLANE]
    subs    r2, r2, #1
    str     r2, [sp, #CHANNELS]
    bne     .Lchannel_\rounding
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   edge_dsp_depthwise_1x4_\rounding, . - edge_dsp_depthwise_1x4_\rounding
    .endm

    depthwise_1x4 once
    depthwise_1x4 twice
#endif
