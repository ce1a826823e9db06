/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops over rows of ring_attention_s8.c, one head at a time.
 *
 * int32_t edge_dsp_scores(const edge_dsp_scoring *s): the scores of all rows; the largest of them.
 * Queries are words of channels (0, 2), (1, 3) of each 4.
 *
 * int32_t edge_dsp_weigh(int32_t *scores, const int16_t *table, const edge_dsp_weighing *w): the
 * scores become int16 in their place, up to an even number; their sum. What follows an odd number of
 * scores must be so low that it gets no weight.
 *
 * void edge_dsp_mix(const edge_dsp_mixing *m): the sums of 4 channels over pairs of rows, as
 * edge_append lays them.
 */
#ifdef __ARM_FEATURE_DSP
    .syntax unified
    .thumb

    .macro function name:req
    .section .text.\name, "ax", %progbits
    .global \name
    .type   \name, %function
    .balign 4
    .thumb_func
\name:
    .endm

/* r0 key, r1 pitch, r2 scores, r3 their end, r4-r7 queries, r11 score, r12 the largest. */
    .macro score_8
    ldrd    r8, r9, [r0]
    add     r0, r0, r1
    sxtb16  r10, r8
    sxtb16  r8, r8, ror #8
    smuad   r11, r10, r4
    smlad   r11, r8, r5, r11
    sxtb16  r10, r9
    sxtb16  r9, r9, ror #8
    smlad   r11, r10, r6, r11
    smlad   r11, r9, r7, r11
    str     r11, [r2], #4
    cmp     r11, r12
    it      gt
    movgt   r12, r11
    .endm

    function edge_dsp_scores_8
    push    {r4-r11, lr}
    ldm     r0, {r0-r3, r12}
    mov     lr, r12
    ldm     lr, {r4-r7}
    mov     r12, #0x80000000
    sub     lr, r3, r2
    tst     lr, #4
    beq     .Lscore_two
    score_8
    cmp     r2, r3
    beq     .Lscored
.Lscore_two:
    score_8
    score_8
    cmp     r2, r3
    bne     .Lscore_two
.Lscored:
    mov     r0, r12
    pop     {r4-r11, pc}
    .size   edge_dsp_scores_8, . - edge_dsp_scores_8

/* r4 queries, r5 channels, r6 key, r7 query, r8 the end of the queries. */
    function edge_dsp_scores
    push    {r4-r11, lr}
    ldm     r0, {r0-r5}
    add     r8, r4, r5, lsl #1
    mov     r12, #0x80000000
.Lscore_any:
    mov     r6, r0
    mov     r7, r4
    movs    r11, #0
.Lscore_four:
    ldr     r9, [r6], #4
    ldrd    r5, lr, [r7], #8
    sxtb16  r10, r9
    sxtb16  r9, r9, ror #8
    smlad   r11, r10, r5, r11
    smlad   r11, r9, lr, r11
    cmp     r7, r8
    bne     .Lscore_four
    add     r0, r0, r1
    str     r11, [r2], #4
    cmp     r11, r12
    it      gt
    movgt   r12, r11
    cmp     r2, r3
    bne     .Lscore_any
    mov     r0, r12
    pop     {r4-r11, pc}
    .size   edge_dsp_scores, . - edge_dsp_scores

/* r0 scores, r1 table, r2 the end of the scores, r3 the largest, r4 multiplier, r5 weights, r6 sum,
 * r7 ones. */
    .macro weigh_two
    ldrd    r8, r9, [r0], #8
    sub     r8, r3, r8
    sub     r9, r3, r9
    smmulr  r8, r8, r4
    smmulr  r9, r9, r4
    usat    r8, #9, r8
    usat    r9, #9, r9
    ldrsh   r8, [r1, r8, lsl #1]
    ldrsh   r9, [r1, r9, lsl #1]
    pkhbt   r8, r8, r9, lsl #16
    str     r8, [r5], #4
    smlad   r6, r8, r7, r6
    .endm

    function edge_dsp_weigh
    push    {r4-r9, lr}
    mov     r5, r0
    ldm     r2, {r2-r4}
    movs    r6, #0
    mov     r7, #0x00010001
.Lweigh_two:
    weigh_two
    cmp     r0, r2
    blo     .Lweigh_two
    mov     r0, r6
    pop     {r4-r9, pc}
    .size   edge_dsp_weigh, . - edge_dsp_weigh

/* r0 values, r1 bytes of a pair of rows, r2 weights, r3 their end, r4-r7 sums, r12 two weights. */
    .macro mix_two
    ldrd    r10, r11, [r0]
    add     r0, r0, r1
    sxtb16  r9, r10
    sxtb16  r10, r10, ror #8
    smlad   r4, r9, r12, r4
    smlad   r5, r10, r12, r5
    sxtb16  r9, r11
    sxtb16  r11, r11, ror #8
    smlad   r6, r9, r12, r6
    smlad   r7, r11, r12, r7
    .endm

    function edge_dsp_mix
    push    {r4-r11, lr}
    ldm     r0, {r0-r3, r8}
    movs    r4, #0
    mov     r5, r4
    mov     r6, r4
    mov     r7, r4
    sub     r12, r3, r2
    tst     r12, #4
    beq     .Lmix_four
    ldr     r12, [r2], #4
    mix_two
    cmp     r2, r3
    beq     .Lmixed
.Lmix_four:
    ldrd    r12, lr, [r2], #8
    mix_two
    mov     r12, lr
    mix_two
    cmp     r2, r3
    bne     .Lmix_four
.Lmixed:
    stm     r8, {r4-r7}
    pop     {r4-r11, pc}
    .size   edge_dsp_mix, . - edge_dsp_mix
#endif
