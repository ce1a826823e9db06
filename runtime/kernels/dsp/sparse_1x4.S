/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_sparse_<6|4|3|1>_<once|twice>(const edge_dsp_sparse *sparse): for a strip of pixels,
 * all output channels.
 * void edge_dsp_sparse_many_<once|twice>(const edge_dsp_sparse_many *many): for several strips of 6
 * pixels; the blocks of a channel are widened once, for all of them, to three words: the weights
 * (0, 2) and (1, 3), and the byte that stands before them.
 *
 * Strip and stream are those of edge/dsp_sparse.h, the arithmetic that of edge/dsp.h. 8 blocks are
 * unrolled. A channel enters so that its last block is the last of the 8; only there the byte that
 * ends a channel is looked for.
 *
 * r0 strip, r1 stream or widened blocks, r2, r3 weights (0, 2) and (1, 3) of a block, accumulators
 * from r4 on.
 */
#ifdef __ARM_FEATURE_DSP
#include "unrolled.h"

    .syntax unified
    .thumb

/* The frame of a single strip; the first 7 words are those of edge_dsp_sparse behind `stream`. */
#define STRIP 0
#define OFFSET 4
#define OUT 8
#define FRAME 28

/* The frame of many strips; the last words are those of edge_dsp_sparse_many. */
#define BLOCKS_OF_STRIP 4
#define BLOCKS_MOD_8 8
#define STARTS 12
#define MULTIPLIER 36
#define OUT_OF_STRIP 44
#define FIRST_FIELD 48
#define STREAM 68
#define BLOCKS 76
#define MANY_OFFSET 80
#define MANY_OUT 84
#define MANY_FRAME 92

    .macro load_byte
    ldrb    r2, [r1], #1
    .endm

/* The strip moves on by a third of the byte in words; the weights are widened. */
    .macro block pixels
    advance_\pixels r2
    ldr     r3, [r1], #4
    sxtb16  r2, r3
    sxtb16  r3, r3, ror #8
    multiply_\pixels
    .endm

    .macro load_widened
    ldm     r1!, {r2, r3, lr}
    .endm

    .macro widened_block pixels
    advance_\pixels lr
    multiply_\pixels
    .endm

    .macro load_byte_to_widen
    ldrb    r6, [r1], #1
    .endm

    .macro widen_block
    ldr     r3, [r1], #4
    sxtb16  r4, r3
    sxtb16  r5, r3, ror #8
    stm     r0!, {r4-r6}
    .endm

    .macro advance_6 byte:req
    add     r0, r0, \byte, lsl #4
    .endm

    .macro advance_4 byte:req
    add     r0, r0, \byte, lsl #4
    .endm

    .macro advance_3 byte:req
    add     r0, r0, \byte, lsl #3
    .endm

    .macro advance_1 byte:req
    add     r0, r0, \byte, lsl #2
    .endm

    .macro multiply_6
    ldm     r0!, {r10, r11, r12, lr}
    smlad   r4, r10, r3, r4
    smlad   r5, r11, r3, r5
    smlad   r6, r12, r3, r6
    smlad   r4, lr, r2, r4
    ldm     r0!, {r10, r11, r12, lr}
    smlad   r5, r10, r2, r5
    smlad   r6, r11, r2, r6
    smlad   r7, r12, r3, r7
    smlad   r8, lr, r3, r8
    ldm     r0!, {r10, r11, r12, lr}
    smlad   r9, r10, r3, r9
    smlad   r7, r11, r2, r7
    smlad   r8, r12, r2, r8
    smlad   r9, lr, r2, r9
    .endm

    .macro multiply_3
    ldm     r0!, {r7-r12}
    smlad   r4, r7, r3, r4
    smlad   r5, r8, r3, r5
    smlad   r6, r9, r3, r6
    smlad   r4, r10, r2, r4
    smlad   r5, r11, r2, r5
    smlad   r6, r12, r2, r6
    .endm

    .macro multiply_4
    ldm     r0!, {r8-r12, lr}
    smlad   r4, r8, r3, r4
    smlad   r5, r9, r3, r5
    smlad   r6, r10, r3, r6
    smlad   r7, r11, r3, r7
    smlad   r4, r12, r2, r4
    smlad   r5, lr, r2, r5
    ldrd    r8, r9, [r0], #24
    smlad   r6, r8, r2, r6
    smlad   r7, r9, r2, r7
    .endm

    .macro multiply_1
    ldm     r0!, {r7-r9}
    smlad   r4, r7, r3, r4
    smlad   r4, r8, r2, r4
    .endm

    .macro start_6
    start_4
    mov     r8, r4
    mov     r9, r4
    .endm

    .macro start_4
    start_3
    mov     r7, r4
    .endm

    .macro start_3
    mov     r5, r4
    mov     r6, r4
    .endm

    .macro start_1
    .endm

/* r3 = multiplier, r10 = f, r11 = rounding constant */
    .macro constants_once
    ldr     r3, [r1], #4
    ldr     r11, [sp, #OFFSET]
    .endm

    .macro constants_twice
    ldrb    r10, [r1], #1
    ldr     r3, [r1], #4
    ldr     r11, [sp, #OFFSET]
    lsl     r11, r11, r10
    .endm

    .macro keep_constants_once
    ldr     r2, [r1], #4
    str     r2, [sp, #MULTIPLIER]
    .endm

    .macro keep_constants_twice
    ldrb    r3, [r1], #1
    ldr     r2, [r1], #4
    strd    r2, r3, [sp, #MULTIPLIER]
    .endm

    .macro kept_constants_once
    ldr     r3, [sp, #MULTIPLIER]
    ldr     r11, [sp, #MANY_OFFSET]
    .endm

    .macro kept_constants_twice
    ldrd    r3, r10, [sp, #MULTIPLIER]
    ldr     r11, [sp, #MANY_OFFSET]
    lsl     r11, r11, r10
    .endm

    .macro scale_once acc:req
    smmla   \acc, \acc, r3, r11
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro scale_twice acc:req
    add     r12, r11, \acc, asr #31
    lsl     \acc, \acc, #1
    smmlar  \acc, \acc, r3, r12
    asr     \acc, \acc, r10
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro scale_all_6 rounding
    scale_all_4 \rounding
    scale_\rounding r8
    scale_\rounding r9
    .endm

    .macro scale_all_4 rounding
    scale_all_3 \rounding
    scale_\rounding r7
    .endm

    .macro scale_all_3 rounding
    scale_\rounding r4
    scale_\rounding r5
    scale_\rounding r6
    .endm

    .macro scale_all_1 rounding
    scale_\rounding r4
    .endm

/* r2 = outputs of pixel 0, r3, r10, r11 = distance of pixels 1, 3 and the last one */
    .macro store_6
    strb    r8, [r2, r3, lsl #2]
    strb    r9, [r2, r11]
    store_4
    .endm

    .macro store_4
    strb    r5, [r2, r3]
    strb    r6, [r2, r3, lsl #1]
    strb    r7, [r2, r10]
    .endm

    .macro store_3
    strb    r5, [r2, r3]
    strb    r6, [r2, r11]
    .endm

    .macro store_1
    .endm

    .macro sparse pixels, rounding
    sparse_routine edge_dsp_sparse_\pixels\()_\rounding, \pixels, \rounding
    .endm

    .macro sparse_routine name, pixels, rounding
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r1, r4-r10}
    stm     sp, {r4-r10}
.L\name\()_channel:
    ldr     r0, [sp, #STRIP]
    ldr     r4, [r1], #4
    ubfx    r3, r4, #5, #3
    asr     r4, r4, #8
    start_\pixels
    unrolled \name, load_byte, block, r2, \pixels
    constants_\rounding
    scale_all_\pixels \rounding
    add     r0, sp, #OUT
    ldm     r0, {r2, r3, r10, r11, r12}
    store_\pixels
    strb    r4, [r2], #1
    str     r2, [sp, #OUT]
    cmp     r2, r12
    bne.w   .L\name\()_channel
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    .macro many name, rounding
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #MANY_FRAME
    ldm     r0, {r2-r12}
    add     lr, sp, #FIRST_FIELD
    stm     lr, {r2-r12}
    str     r9, [sp, #BLOCKS_OF_STRIP]
.L\name\()_channel:
    ldrd    r1, r2, [sp, #STREAM]
    ldr     r0, [sp, #BLOCKS]
    ldr     r4, [r1], #4
    str     r2, [sp, #STRIP]
    ubfx    r3, r4, #5, #3
    str     r3, [sp, #BLOCKS_MOD_8]
    asr     r4, r4, #8
    start_6
    add     r2, sp, #STARTS
    stm     r2, {r4-r9}
    unrolled \name\()_widen, load_byte_to_widen, widen_block, r6
    stm     r0, {r4-r6}
    keep_constants_\rounding
    ldr     r3, [sp, #MANY_OUT]
    str     r1, [sp, #STREAM]
    str     r3, [sp, #OUT_OF_STRIP]
.L\name\()_strip:
    ldm     sp, {r0, r1, r3-r9}
    unrolled \name, load_widened, widened_block, lr, 6
    kept_constants_\rounding
    scale_all_6 \rounding
    add     r0, sp, #OUT_OF_STRIP
    ldm     r0, {r2, r3, r10-r12, lr}
    store_6
    strb    r4, [r2]
    add     r2, r2, r10, lsl #1
    ldr     r0, [sp, #STRIP]
    str     r2, [sp, #OUT_OF_STRIP]
    add     r0, r0, r12
    str     r0, [sp, #STRIP]
    cmp     r0, lr
    bne.w   .L\name\()_strip
    ldrd    r2, r3, [sp, #MANY_OUT]
    add     r2, r2, #1
    str     r2, [sp, #MANY_OUT]
    cmp     r2, r3
    bne.w   .L\name\()_channel
    add     sp, sp, #MANY_FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    sparse  6, once
    sparse  6, twice
    sparse  4, once
    sparse  4, twice
    sparse  3, once
    sparse  3, twice
    sparse  1, once
    sparse  1, twice
    many    edge_dsp_sparse_many_once, once
    many    edge_dsp_sparse_many_twice, twice
#endif
