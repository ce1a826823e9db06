/* SPDX-License-Identifier: Apache-2.0
 *
 * Single instructions of the Armv7E-M DSP extension that C has no words for.
 */
#ifndef EDGE_DSP_WORDS_H
#define EDGE_DSP_WORDS_H

#include <stdint.h>

#ifdef __ARM_FEATURE_DSP

/* The lower halves, and the upper halves, of two words: the first one's below. */
static inline uint32_t edge_dsp_lower(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

static inline uint32_t edge_dsp_upper(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* sum + the upper word of a product. */
static inline int32_t edge_dsp_smmla(int32_t a, int32_t b, int32_t sum) {
    int32_t r;
    __asm__("smmla %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

static inline int32_t edge_dsp_leading_zeros(int32_t value) {
    int32_t r;
    __asm__("clz %0, %1" : "=r"(r) : "r"(value));
    return r;
}

/* sum + (a * b >> 16) of the lower int16 of b. */
static inline int32_t edge_dsp_smlawb(int32_t a, int32_t b, int32_t sum) {
    int32_t r;
    __asm__("smlawb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

static inline int32_t edge_dsp_ssat8(int32_t value) {
    int32_t r;
    __asm__("ssat %0, #8, %1" : "=r"(r) : "r"(value));
    return r;
}

#endif
#endif
