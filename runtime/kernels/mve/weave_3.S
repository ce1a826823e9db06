/* SPDX-License-Identifier: Apache-2.0
 *
 * void edge_mve_weave_3(const edge_mve_weave *weave): 16 bytes of 3 rows become 16 words, vector
 * by vector. Whole vectors of 64 bytes are written, but no byte is read beyond the lanes.
 *
 * r1 to, r2-r4 rows, r5-r7 their steps, r8 step of to, r10 lanes, r11 lanes fewer each time.
 */
#ifdef __ARM_FEATURE_MVE
    .syntax unified
    .thumb
    .section .text.edge_mve_weave_3, "ax", %progbits
    .global edge_mve_weave_3
    .type   edge_mve_weave_3, %function
    .balign 4
    .thumb_func
edge_mve_weave_3:
    push    {r3-r11, lr}
    ldm     r0, {r1-r11}
    dls     lr, r9
.Lvector:
    vctp.8  r10
    vpsttt
    vldrbt.8 q0, [r2]
    vldrbt.8 q1, [r3]
    vldrbt.8 q2, [r4]
    vmov    q3, q2
    vst40.8 {q0, q1, q2, q3}, [r1]
    vst41.8 {q0, q1, q2, q3}, [r1]
    vst42.8 {q0, q1, q2, q3}, [r1]
    vst43.8 {q0, q1, q2, q3}, [r1]
    add     r2, r2, r5
    add     r3, r3, r6
    add     r4, r4, r7
    add     r1, r1, r8
    sub     r10, r10, r11
    le      lr, .Lvector
    pop     {r3-r11, pc}
    .size   edge_mve_weave_3, . - edge_mve_weave_3
#endif
