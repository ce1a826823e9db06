/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_traindsp_taps_4(const edge_train_taps *taps): the products of 4 channels over a window.
 *
 * r0 x, r1 weights, r2 step of x, r3 is added to its pairs, r4-r7 channels 0 to 3, r8-r11
 * operands, lr columns left.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define COLUMNS 0
#define ROWS 4
#define X_ROW 8
#define WEIGHT_ROW 12
#define SUMS 16
#define FRAME 20

    .section .text.edge_traindsp_taps_4, "ax", %progbits
    .global edge_traindsp_taps_4
    .type   edge_traindsp_taps_4, %function
    .balign 4
    .thumb_func
edge_traindsp_taps_4:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    add     r1, r0, #16
    ldm     r1, {r4-r8}
    stm     sp, {r4-r8}
    ldm     r8, {r4-r7}
    ldrd    r2, r3, [r0, #8]
    ldrd    r0, r1, [r0]
.Ltaps_row:
    ldr     lr, [sp, #COLUMNS]
.Ltaps_column:
    ldr     r11, [r0]
    ldrd    r8, r9, [r1], #8
    sxtab16 r10, r3, r11
    sxtab16 r11, r3, r11, ror #8
    smlabb  r4, r10, r8, r4
    smlatt  r6, r10, r8, r6
    smlabb  r5, r11, r9, r5
    smlatt  r7, r11, r9, r7
    add     r0, r0, r2
    subs    lr, lr, #1
    bne     .Ltaps_column
    ldrd    r8, r9, [sp, #X_ROW]
    ldr     r10, [sp, #ROWS]
    add     r0, r0, r8
    add     r1, r1, r9
    subs    r10, r10, #1
    str     r10, [sp, #ROWS]
    bne     .Ltaps_row
    ldr     r8, [sp, #SUMS]
    stm     r8, {r4-r7}
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   edge_traindsp_taps_4, . - edge_traindsp_taps_4
#endif
