/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_dsp_products_4x2(const uint32_t *a, const uint32_t *b, int32_t *out, int32_t steps):
 * the sums of products of 4 rows and 2 columns, of which every step holds a pair of int16 each.
 *
 * a [steps][4 rows], b [steps][2 columns], out [4 rows][2 columns]; steps a multiple of 4, not 0.
 *
 * r0 a, r1 b, r2, r3 pairs of the columns, r4-r7 first column of rows 0-3, r8-r11 second column.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define OUT 0
#define A_END 4
#define FRAME 8

    .macro step
    ldrd    r2, r3, [r1], #8
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

    .section .text.edge_dsp_products_4x2, "ax", %progbits
    .global edge_dsp_products_4x2
    .type   edge_dsp_products_4x2, %function
    .balign 4
    .thumb_func
edge_dsp_products_4x2:
    push    {r4-r11, lr}
    add     r3, r0, r3, lsl #4
    push    {r2, r3}
    movs    r4, #0
    mov     r5, r4
    mov     r6, r4
    mov     r7, r4
    mov     r8, r4
    mov     r9, r4
    mov     r10, r4
    mov     r11, r4
.Lproducts_step:
    .rept   4
    step
    .endr
    ldr     r2, [sp, #A_END]
    cmp     r0, r2
    bne     .Lproducts_step
    ldr     r2, [sp, #OUT]
    strd    r4, r8, [r2]
    strd    r5, r9, [r2, #8]
    strd    r6, r10, [r2, #16]
    strd    r7, r11, [r2, #24]
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   edge_dsp_products_4x2, . - edge_dsp_products_4x2
#endif
