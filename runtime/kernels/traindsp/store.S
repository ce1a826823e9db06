/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_traindsp_store(const edge_train_store *store): sums become outputs, and one word of
 * bits for each position: whether a channel's output was not saturated.
 *
 * r0 sums, r1 scales, r2 out, r3 bit of the channel, r4-r7 a scale, r8 bits, r9 end of the scales,
 * r10 bytes from sum to sum, r11 value, r12 output, lr sums of the position.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

#define SCALES 0
#define BITS 4
#define POSITION_STEP 8
#define GAP 12
#define POSITIONS 16
#define FRAME 20

    .section .text.edge_traindsp_store, "ax", %progbits
    .global edge_traindsp_store
    .type   edge_traindsp_store, %function
    .balign 4
    .thumb_func
edge_traindsp_store:
    push    {r4-r11, lr}
    sub     sp, sp, #FRAME
    ldm     r0, {r1-r9}
    mov     lr, r1
    mov     r10, r5
    stm     sp, {r2, r4, r6, r7, r8}
    mov     r2, r3
.Lstore_position:
    ldr     r1, [sp, #SCALES]
    mov     r0, lr
    movs    r3, #1
    movs    r8, #0
.Lstore_channel:
    ldm     r1!, {r4-r7}
    ldr     r11, [r0]
    add     r0, r0, r10
    add     r11, r11, r4
    smmla   r11, r11, r5, r6
    asr     r11, r11, r7
    ssat    r12, #8, r11
    cmp     r12, r11
    it      eq
    orreq   r8, r8, r3
    lsls    r3, r3, #1
    strb    r12, [r2], #1
    cmp     r1, r9
    bne     .Lstore_channel
    ldr     r4, [sp, #BITS]
    ldrd    r5, r6, [sp, #POSITION_STEP]
    ldr     r7, [sp, #POSITIONS]
    str     r8, [r4], #4
    str     r4, [sp, #BITS]
    add     lr, lr, r5
    add     r2, r2, r6
    subs    r7, r7, #1
    str     r7, [sp, #POSITIONS]
    bne     .Lstore_position
    add     sp, sp, #FRAME
    pop     {r4-r11, pc}
    .size   edge_traindsp_store, . - edge_traindsp_store
#endif
