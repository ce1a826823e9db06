/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_mve_patch_2(const edge_mve_patch *patch): copies a piece of each kernel row under pairs
 * of pixels. No byte is read or written beside the pieces.
 *
 * r0 row pointer, r1, r2 first and end of them, r3 offset in the rows, r4 step, r5 bytes, r6, r7
 * patches, r8, r9 pieces, r10 from the end of a copy to the next, r11 pairs, r12 from the end of
 * the patches to the next.
 */
#ifdef __ARM_FEATURE_MVE
    .syntax unified
    .thumb
    .section .text.edge_mve_patch_2, "ax", %progbits
    .global edge_mve_patch_2
    .type   edge_mve_patch_2, %function
    .balign 4
    .thumb_func
/* In: r1 rows, r2 count, r3 offset, r4 step, r5 bytes, r6 to, r7 to_pitch, r8 segment, r9 pairs. */
edge_mve_patch_2:
    push    {r3-r11, lr}
    ldm     r0, {r1-r9}
    mov     r11, r9
    add     r10, r5, #15
    bic     r10, r10, #15
    sub     r10, r8, r10
    mul     r12, r8, r2
    rsb     r12, r12, r7, lsl #1
    add     r2, r1, r2, lsl #2
    add     r7, r7, r6
.Lpair:
    mov     r0, r1
.Lrow:
    ldr     r8, [r0], #4
    add     r8, r8, r3
    add     r9, r8, r4
    dlstp.8 lr, r5
.Lvector:
    vldrb.8 q0, [r8], #16
    vldrb.8 q1, [r9], #16
    vstrb.8 q0, [r6], #16
    vstrb.8 q1, [r7], #16
    letp    lr, .Lvector
    add     r6, r6, r10
    add     r7, r7, r10
    cmp     r0, r2
    bne     .Lrow
    add     r3, r3, r4, lsl #1
    add     r6, r6, r12
    add     r7, r7, r12
    subs    r11, r11, #1
    bne     .Lpair
    pop     {r3-r11, pc}
    .size   edge_mve_patch_2, . - edge_mve_patch_2
#endif
