/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of four floats in the vector types that gcc and clang share: one source for WebAssembly
 * SIMD, NEON of 64-bit Arm and SSE. Each lane is one output, summed in the order of edge/f32.h.
 *
 * (NEON of 32-bit Arm flushes subnormal numbers to zero and would make other bits.)
 */
#ifndef EDGE_F32X4_H
#define EDGE_F32X4_H

#include "edge/f32_madd.h"

#if defined(EDGE_F32_FUSED) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define EDGE_F32X4_INLINE static inline __attribute__((always_inline))
#define EDGE_F32X4_UNROLL _Pragma("GCC unroll 32")

/* Computes x here and now. Left alone, compilers for WebAssembly gather the loads of several steps
 * of a loop in front of their sums, more than an engine has registers for, and spread pointers over
 * additions that would fit the offsets of the loads. */
#ifdef __wasm__
#define EDGE_F32X4_KEEP(x) __asm__ volatile("" : "+r"(x))
#else
#define EDGE_F32X4_KEEP(x) ((void)0)
#endif

enum { EDGE_F32X4_LANES = 4 };

typedef float edge_f32x4 __attribute__((vector_size(16)));
typedef int32_t edge_i32x4 __attribute__((vector_size(16)));
/* A vector in memory, at any address of a float or of packed bytes. */
typedef float edge_f32x4_in_memory __attribute__((vector_size(16), aligned(4), may_alias));
typedef float edge_f32_in_memory __attribute__((may_alias));

EDGE_F32X4_INLINE edge_f32x4 edge_f32x4_load(const void *x) {
    return *(const edge_f32x4_in_memory *)x;
}

EDGE_F32X4_INLINE void edge_f32x4_store(void *to, edge_f32x4 value) {
    *(edge_f32x4_in_memory *)to = value;
}

EDGE_F32X4_INLINE edge_f32x4 edge_f32x4_all(float x) {
    const edge_f32x4 value = {x, x, x, x};
    return value;
}

/* The float at x in every lane. */
EDGE_F32X4_INLINE edge_f32x4 edge_f32x4_splat(const void *x) {
    return edge_f32x4_all(*(const edge_f32_in_memory *)x);
}

/* edge_madd_f32 of each lane: a * b + c. WebAssembly leaves it to the engine whether relaxed_madd
 * rounds once; who loads such a module asks first (edge/runners/known_answer.mjs). */
EDGE_F32X4_INLINE edge_f32x4 edge_f32x4_madd(edge_f32x4 a, edge_f32x4 b, edge_f32x4 c) {
#ifndef EDGE_F32_FUSED
    return c + a * b;
#elif defined(__wasm_relaxed_simd__)
    return __builtin_wasm_relaxed_madd_f32x4(a, b, c);
#elif defined(__aarch64__)
    return (edge_f32x4)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    edge_f32x4 made = c;
    for (int32_t i = 0; i < EDGE_F32X4_LANES; i++) {
        made[i] = edge_madd_f32(a[i], b[i], c[i]);
    }
    return made;
#endif
}

/* edge_finished_f32 of each lane. */
EDGE_F32X4_INLINE edge_f32x4 edge_f32x4_finished(edge_f32x4 sum) {
#ifdef EDGE_F32_FUSED
    return sum + edge_f32x4_all(0.0f);
#else
    return sum;
#endif
}

/* edge_limited_f32 of each lane. */
EDGE_F32X4_INLINE edge_f32x4 edge_f32x4_limited(edge_f32x4 x, edge_f32x4 minimum,
                                                edge_f32x4 maximum) {
#ifdef __wasm_simd128__
    return __builtin_wasm_pmin_f32x4(maximum, __builtin_wasm_pmax_f32x4(minimum, x));
#else
    const edge_i32x4 above = x > minimum;
    const edge_f32x4 raised =
        (edge_f32x4)((above & (edge_i32x4)x) | (~above & (edge_i32x4)minimum));
    const edge_i32x4 below = raised < maximum;
    return (edge_f32x4)((below & (edge_i32x4)raised) | (~below & (edge_i32x4)maximum));
#endif
}

/* Rows become columns. */
EDGE_F32X4_INLINE void edge_f32x4_transpose(edge_f32x4 row[4]) {
    const edge_f32x4 a = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    const edge_f32x4 b = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    const edge_f32x4 c = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    const edge_f32x4 d = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    row[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    row[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    row[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    row[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* Stores the first `count` floats, 1 to 4, of a vector. */
EDGE_F32X4_INLINE void edge_f32x4_store_some(float *to, edge_f32x4 value, int32_t count) {
    if (count >= EDGE_F32X4_LANES) {
        edge_f32x4_store(to, value);
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        to[i] = value[i];
    }
}

#endif
