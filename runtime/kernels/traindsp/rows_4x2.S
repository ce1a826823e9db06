/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_traindsp_rows_4x2(const edge_train_products *products): the sums of products of 4
 * positions and 2 rows of int8 weights, `distance` bytes apart.
 *
 * A word of weights is read once for its even and once for its odd bytes: with 8 sums there is no
 * register to keep it in.
 *
 * r0 strip, r1 weights, r2, r3 pairs of the rows, r4-r7 first row of positions 0-3, r8-r11 second.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define DISTANCE 0
#define END 4
#define SUMS 8
#define FRAME 12

    .macro multiply
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

    .macro word
    ldr     r3, [sp, #DISTANCE]
    ldr     r3, [r1, r3]
    ldr     r2, [r1]
    sxtb16  r3, r3
    sxtb16  r2, r2
    multiply
    ldr     r3, [sp, #DISTANCE]
    ldr     r3, [r1, r3]
    ldr     r2, [r1], #4
    sxtb16  r3, r3, ror #8
    sxtb16  r2, r2, ror #8
    multiply
    .endm

    .section .text.edge_traindsp_rows_4x2, "ax", %progbits
    .global edge_traindsp_rows_4x2
    .type   edge_traindsp_rows_4x2, %function
    .balign 4
    .thumb_func
edge_traindsp_rows_4x2:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldrd    r2, r3, [r0, #8]
    ldr     r4, [r0, #16]
    ldrd    r0, r1, [r0]
    add     r5, r1, r3, lsl #2
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
    beq     .Lrows_two
    word
    b       .Lrows_next
.Lrows_two:
    word
    word
.Lrows_next:
    ldr     r2, [sp, #END]
    cmp     r1, r2
    bne     .Lrows_two
    ldr     r2, [sp, #SUMS]
    stm     r2, {r4-r11}
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   edge_traindsp_rows_4x2, . - edge_traindsp_rows_4x2
#endif
