/* SPDX-License-Identifier: Apache-2.0
 *
 * For assembly: the outputs of a strip of 8, 6, 4 or 2 pixels, channel after channel, with the sums
 * of the pixels in r4 to r11; edge_dsp_scattered of edge/dsp_sparse.h. r0 strip, r1 stream.
 */
#ifndef EDGE_DSP_STRIPS_OF_8_H
#define EDGE_DSP_STRIPS_OF_8_H

#include "unrolled.h"

/* clang-format off */
#ifdef __ASSEMBLER__
/* The frame: the words of edge_dsp_scattered behind `stream`. */
#define STRIP 0
#define OFFSET 4
#define OUT 8
#define PITCH 12
#define END 28
#define FRAME 32

    .macro nothing
    .endm

/* r2 = multiplier, r3 = rounding constant, r12 = f */
    .macro constants_once
    ldr     r2, [r1], #4
    ldr     r3, [sp, #OFFSET]
    .endm

    .macro constants_twice
    ldrb    r12, [r1], #1
    ldr     r2, [r1], #4
    ldr     r3, [sp, #OFFSET]
    lsl     r3, r3, r12
    .endm

    .macro scale_once acc:req
    smmla   \acc, \acc, r2, r3
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro scale_twice acc:req
    add     r0, r3, \acc, asr #31
    lsl     \acc, \acc, #1
    smmlar  \acc, \acc, r2, r0
    asr     \acc, \acc, r12
    ssat    \acc, #8, \acc, asr #1
    .endm

    .macro scale_all_2 rounding
    scale_\rounding r4
    scale_\rounding r5
    .endm

    .macro scale_all_4 rounding
    scale_all_2 \rounding
    scale_\rounding r6
    scale_\rounding r7
    .endm

    .macro scale_all_6 rounding
    scale_all_4 \rounding
    scale_\rounding r8
    scale_\rounding r9
    .endm

    .macro scale_all_8 rounding
    scale_all_6 \rounding
    scale_\rounding r10
    scale_\rounding r11
    .endm

/* r0 = outputs of pixel 0, r2, r3, r12, lr = distance of pixels 1, 3, 5 and the last one */
    .macro store_8
    strb    r9, [r0, r12]
    strb    r10, [r0, r3, lsl #1]
    strb    r11, [r0, lr]
    store_5
    .endm

    .macro store_6
    strb    r9, [r0, lr]
    store_5
    .endm

    .macro store_5
    strb    r7, [r0, r3]
    strb    r8, [r0, r2, lsl #2]
    store_3
    .endm

    .macro store_4
    strb    r7, [r0, lr]
    store_3
    .endm

    .macro store_3
    strb    r5, [r0, r2]
    strb    r6, [r0, r2, lsl #1]
    .endm

    .macro store_2
    strb    r5, [r0, lr]
    .endm

/* All channels of a strip: \kind names the macros that start the sums, take a weight and make the
 * sums those of single pixels; r3 is then the step to the next weight, or 255. */
    .macro strip kind, pixels, rounding
    strip_routine edge_dsp_\kind\()_\pixels\()_\rounding, \kind, \pixels, \rounding
    .endm

    .macro strip_routine name, kind, pixels, rounding
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r1, r4-r11}
    stm     sp, {r4-r11}
.L\name\()_channel:
    ldr     r0, [sp, #STRIP]
    ldrb    r2, [r1], #1
    start_\kind\()_\pixels
    ldrb    r3, [r1], #1
    unrolled \name, nothing, \kind, r3, \pixels, r2
    constants_\rounding
    finish_\kind\()_\pixels
    scale_all_\pixels \rounding
    add     r0, sp, #PITCH
    ldm     r0, {r2, r3, r12, lr}
    ldr     r0, [sp, #OUT]
    store_\pixels
    strb    r4, [r0], #1
    ldr     r2, [sp, #END]
    str     r0, [sp, #OUT]
    cmp     r0, r2
    bne.w   .L\name\()_channel
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    .macro strips kind
    strip   \kind, 8, once
    strip   \kind, 8, twice
    strip   \kind, 6, once
    strip   \kind, 6, twice
    strip   \kind, 4, once
    strip   \kind, 4, twice
    strip   \kind, 2, once
    strip   \kind, 2, twice
    .endm
#endif
/* clang-format on */

#endif
