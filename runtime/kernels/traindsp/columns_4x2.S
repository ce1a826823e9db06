/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_traindsp_columns_4x2(const edge_train_products *products): the sums of products of 4
 * positions and 2 columns of int8 weights, whose rows are `distance` bytes apart. A step of the
 * strip belongs to two rows.
 *
 * r0 strip, r1 weights, r2, r3 pairs of the columns, r4-r7 first column of positions 0-3, r8-r11
 * second.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define DISTANCE 0
#define END 4
#define SUMS 8
#define FRAME 12

    .macro step
    ldr     r3, [sp, #DISTANCE]
    ldrh    r2, [r1]
    ldrh    r12, [r1, r3]
    add     r1, r1, r3, lsl #1
    orr     r3, r2, r12, lsl #16
    sxtb16  r2, r3
    sxtb16  r3, r3, ror #8
    ldrd    r12, lr, [r0, #8]
    smlad   r6, r12, r2, r6
    smlad   r7, lr, r2, r7
    smlad   r10, r12, r3, r10
    smlad   r11, lr, r3, r11
    ldrd    r12, lr, [r0], #16
    smlad   r4, r12, r2, r4
    smlad   r5, lr, r2, r5
    smlad   r8, r12, r3, r8
    smlad   r9, lr, r3, r9
    .endm

    .section .text.edge_traindsp_columns_4x2, "ax", %progbits
    .global edge_traindsp_columns_4x2
    .type   edge_traindsp_columns_4x2, %function
    .balign 4
    .thumb_func
edge_traindsp_columns_4x2:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldrd    r2, r3, [r0, #8]
    ldr     r4, [r0, #16]
    ldrd    r0, r1, [r0]
    add     r5, r0, r3, lsl #4
    strd    r2, r5, [sp, #DISTANCE]
    str     r4, [sp, #SUMS]
    movs    r4, #0
    mov     r5, r4
    mov     r6, r4
    mov     r7, r4
    mov     r8, r4
    mov     r9, r4
    mov     r10, r4
    mov     r11, r4
    tst     r3, #1
    beq     .Lcolumns_even
    step
.Lcolumns_even:
    ldr     r2, [sp, #END]
    sub     r2, r2, r0
    tst     r2, #32
    beq     .Lcolumns_next
    step
    step
    b       .Lcolumns_next
.Lcolumns_four:
    .rept   4
    step
    .endr
.Lcolumns_next:
    ldr     r2, [sp, #END]
    cmp     r0, r2
    bne     .Lcolumns_four
    ldr     r2, [sp, #SUMS]
    stm     r2, {r4-r11}
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   edge_traindsp_columns_4x2, . - edge_traindsp_columns_4x2
#endif
