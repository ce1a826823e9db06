/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_linear_1x4_<wide|narrow>_<once|twice|channels>(const edge_dsp_linear *linear): one
 * vector times 4 output channels at a time, one scale for all channels; `channels` rounds once and
 * has a multiplier for each, f = 0.
 *
 * Weights [channels / 4][units][4] words: of a unit of 4 inputs the halfwords w_even + 256 * w_odd
 * of channels 0, 1 for inputs (0, 2) and (1, 3), then of channels 2, 3. starts [channels / 4][4].
 * wide reads int16 pairs from a strip, narrow int8 from the input itself.
 *
 * void edge_dsp_linear_sparse_<once|twice|channels>(const edge_dsp_linear_sparse *linear): the same,
 * wide, of the units whose weights are not all zero; edge/dsp_sparse.h. 4 of them are unrolled and entered so
 * that the last one is the last of the 4.
 *
 * r0 input, r1 weights, r4, r6 even channels, r5, r7 mixed and then odd channels.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define IN 0
#define END4 4
#define END1 8
#define STARTS 12
#define MULTIPLIER 16
#define CONSTANT 20
#define SHIFT 24
#define OUT 28
#define END 32
#define MULTIPLIERS 36
#define FRAME 44

    .macro step even:req, mixed:req, weights:req, values:req
    sxtb16  r12, \weights
    smlad   \mixed, \weights, \values, \mixed
    smlad   \even, r12, \values, \even
    .endm

    .macro multiply_unit
    ldm     r1!, {r8-r11}
    step    r4, r5, r8, r2
    step    r4, r5, r9, r3
    step    r6, r7, r10, r2
    step    r6, r7, r11, r3
    .endm

    .macro wide_unit
    ldrd    r2, r3, [r0], #8
    multiply_unit
    .endm

    .macro narrow_unit
    ldr     r3, [r0], #4
    sxtb16  r2, r3
    sxtb16  r3, r3, ror #8
    multiply_unit
    .endm

    .macro separate shift:req
    sub     r5, r5, r4
    sub     r7, r7, r6
    asr     r5, r5, #\shift
    asr     r7, r7, #\shift
    .endm

    .macro scale_once acc:req
    smmla   \acc, \acc, r2, r3
    asr     \acc, \acc, r8
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro scale_twice acc:req
    add     r12, r3, \acc, asr #31
    smmlar  \acc, \acc, r2, r12
    asr     \acc, \acc, r8
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro load_scale
    ldrd    r2, r3, [sp, #MULTIPLIER]
    ldr     r8, [sp, #SHIFT]
    .endm

    .macro finish_once
    load_scale
    separate 8
    scale_once r4
    scale_once r5
    scale_once r6
    scale_once r7
    .endm

    .macro finish_twice
    load_scale
    separate 7
    lsl     r4, r4, #1
    lsl     r6, r6, #1
    scale_twice r4
    scale_twice r5
    scale_twice r6
    scale_twice r7
    .endm

    .macro scale_channel acc:req, multiplier:req
    smmla   \acc, \acc, \multiplier, r3
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro finish_channels
    ldr     r8, [sp, #MULTIPLIERS]
    ldr     r3, [sp, #CONSTANT]
    separate 8
    ldm     r8!, {r2, r9-r11}
    str     r8, [sp, #MULTIPLIERS]
    scale_channel r4, r2
    scale_channel r5, r9
    scale_channel r6, r10
    scale_channel r7, r11
    .endm

/* log2 of the bytes that a unit takes of the input: 3 wide, 2 narrow. */
    .macro linear_1x4 name, unit, unit_log2, finish
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldr     r12, [r0, #MULTIPLIERS]
    ldm     r0, {r1-r9}
    str     r12, [sp, #MULTIPLIERS]
    bic     r10, r6, #3
    add     r10, r1, r10, lsl #\unit_log2
    add     r11, r1, r6, lsl #\unit_log2
    lsl     r9, r9, r8
    str     r1, [sp, #IN]
    strd    r10, r11, [sp, #END4]
    strd    r3, r7, [sp, #STARTS]
    strd    r9, r8, [sp, #CONSTANT]
    strd    r4, r5, [sp, #OUT]
    mov     r1, r2
.Lfour_\name:
    ldrd    r0, lr, [sp, #IN]
    ldr     r2, [sp, #STARTS]
    ldm     r2!, {r4-r7}
    str     r2, [sp, #STARTS]
    cmp     r0, lr
    beq     .Lrest_\name
.Lunits_\name:
    \unit
    \unit
    \unit
    \unit
    cmp     r0, lr
    bne     .Lunits_\name
.Lrest_\name:
    ldr     lr, [sp, #END1]
    cmp     r0, lr
    beq     .Ldone_\name
.Lunit_\name:
    \unit
    cmp     r0, lr
    bne     .Lunit_\name
.Ldone_\name:
    \finish
    ldrd    r2, r3, [sp, #OUT]
    bfi     r4, r5, #8, #8
    bfi     r6, r7, #8, #8
    pkhbt   r4, r4, r6, lsl #16
    str     r4, [r2], #4
    str     r2, [sp, #OUT]
    cmp     r2, r3
    bne.w   .Lfour_\name
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    .macro load_skip
    ldrb    r2, [lr], #1
    .endm

    .macro sparse_unit
    add     r0, r0, r2, lsl #3
    wide_unit
    .endm

    .macro linear_sparse name, finish
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldr     r12, [r0, #MULTIPLIERS]
    ldm     r0, {r1-r9}
    str     r12, [sp, #MULTIPLIERS]
    lsl     r9, r9, r8
    str     r1, [sp, #IN]
    strd    r3, r7, [sp, #STARTS]
    strd    r9, r8, [sp, #CONSTANT]
    strd    r4, r5, [sp, #OUT]
    mov     r1, r2
    mov     lr, r6
.Lfour_\name:
    ldr     r0, [sp, #IN]
    ldr     r2, [sp, #STARTS]
    ldrb    r3, [lr], #1
    ldm     r2!, {r4-r7}
    str     r2, [sp, #STARTS]
    tbb     [pc, r3]
.Lentries_\name:
    .byte   (.Llast_\name - .Lentries_\name) / 2
    .byte   (.Lone_\name - .Lentries_\name) / 2
    .byte   (.Ltwo_\name - .Lentries_\name) / 2
    .byte   (.Lthree_\name - .Lentries_\name) / 2
.Lunits_\name:
    sparse_unit
.Lthree_\name:
    load_skip
    sparse_unit
.Ltwo_\name:
    load_skip
    sparse_unit
.Lone_\name:
    load_skip
    sparse_unit
.Llast_\name:
    load_skip
    cmp     r2, #255
    bne.w   .Lunits_\name
    \finish
    ldrd    r2, r3, [sp, #OUT]
    bfi     r4, r5, #8, #8
    bfi     r6, r7, #8, #8
    pkhbt   r4, r4, r6, lsl #16
    str     r4, [r2], #4
    str     r2, [sp, #OUT]
    cmp     r2, r3
    bne.w   .Lfour_\name
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    linear_sparse edge_dsp_linear_sparse_once, finish_once
    linear_sparse edge_dsp_linear_sparse_twice, finish_twice
    linear_sparse edge_dsp_linear_sparse_channels, finish_channels
    linear_1x4 edge_dsp_linear_1x4_wide_channels, wide_unit, 3, finish_channels
    linear_1x4 edge_dsp_linear_1x4_narrow_channels, narrow_unit, 2, finish_channels
    linear_1x4 edge_dsp_linear_1x4_wide_once, wide_unit, 3, finish_once
    linear_1x4 edge_dsp_linear_1x4_wide_twice, wide_unit, 3, finish_twice
    linear_1x4 edge_dsp_linear_1x4_narrow_once, narrow_unit, 2, finish_once
    linear_1x4 edge_dsp_linear_1x4_narrow_twice, narrow_unit, 2, finish_twice
#endif
