/* SPDX-License-Identifier: Apache-2.0
 *
 * For assembly: a body that is unrolled 8 times and entered so that it ends at the last of them.
 */
#ifndef EDGE_DSP_UNROLLED_H
#define EDGE_DSP_UNROLLED_H

/* clang-format off */
#ifdef __ASSEMBLER__
/* Runs \load and \body for \count blocks modulo 8, then \load, and so on until that finds the mark in
 * \byte. */
    .macro unrolled label, load, body, byte, argument, count=r3
    tbh     [pc, \count, lsl #1]
.L\label\()_entries:
    .hword  (.L\label\()_0 - .L\label\()_entries) / 2
    .hword  (.L\label\()_1 - .L\label\()_entries) / 2
    .hword  (.L\label\()_2 - .L\label\()_entries) / 2
    .hword  (.L\label\()_3 - .L\label\()_entries) / 2
    .hword  (.L\label\()_4 - .L\label\()_entries) / 2
    .hword  (.L\label\()_5 - .L\label\()_entries) / 2
    .hword  (.L\label\()_6 - .L\label\()_entries) / 2
    .hword  (.L\label\()_7 - .L\label\()_entries) / 2
.L\label\()_8:
    \body  \argument
.L\label\()_7:
    \load
    \body  \argument
.L\label\()_6:
    \load
    \body  \argument
.L\label\()_5:
    \load
    \body  \argument
.L\label\()_4:
    \load
    \body  \argument
.L\label\()_3:
    \load
    \body  \argument
.L\label\()_2:
    \load
    \body  \argument
.L\label\()_1:
    \load
    \body  \argument
.L\label\()_0:
    \load
    cmp     \byte, #255
    bne.w   .L\label\()_8
    .endm
#endif
/* clang-format on */

#endif
