/* SPDX-License-Identifier: Apache-2.0
 *
 * Requantization of four accumulators at once, in integers (edge.quantization.simd128_scale) or in
 * float32 where that was proven to give the same bits (edge.quantization.simd128_float).
 */
#ifndef EDGE_SIMD128_SCALE_H
#define EDGE_SIMD128_SCALE_H

#include <wasm_simd128.h>

#include "edge/edge.h"

/* Kernels are compiled once for each edge_simd_form; left to itself the compiler would fold the
 * copies into one with a variable shift. */
#define EDGE_SIMD_INLINE static inline __attribute__((always_inline))

/* A record: int32 of one vector of four channels. Integer: bias[4], factor[4], multiplier[4],
 * add[4], sign[4], shift, 0, 2 unused. Float: bias[4], scale[4], offset[4], 9 unused, 1, 2 unused.
 * Both records of a block of 8 channels are of one kind. */
enum {
    EDGE_SIMD_SCALE = 4,
    EDGE_SIMD_IS_FLOAT = 21,
    EDGE_SIMD_RECORD = 24,
    EDGE_SIMD_COMMON_SHIFT = 16,
    EDGE_SIMD_FRACTION_BITS = 8,      /* of a float record: weights are raised by them */
    EDGE_SIMD_MAGIC_BITS = 0x4b400000 /* of 1.5 * 2^23 in float32 */
};

/* What all integer records of a layer have in common, or that a record is float. */
typedef enum {
    EDGE_SIMD_ANY,
    EDGE_SIMD_SHIFTS_ALIKE, /* by EDGE_SIMD_COMMON_SHIFT */
    EDGE_SIMD_ONCE,         /* that, and `sign` is 0 */
    EDGE_SIMD_FLOAT
} edge_simd_form;

static inline edge_simd_form edge_simd_form_of(const edge_requantize *q) {
    if (q->shift != NULL) {
        return EDGE_SIMD_ANY;
    }
    return q->rounding == EDGE_ROUND_ONCE ? EDGE_SIMD_ONCE : EDGE_SIMD_SHIFTS_ALIKE;
}

/* The form of the block of a layer's form whose records begin at k. */
static inline edge_simd_form edge_simd_block_form(edge_simd_form layer, const int32_t *k) {
    return k[EDGE_SIMD_IS_FLOAT] ? EDGE_SIMD_FLOAT : layer;
}

/* floor(a * b / 2^32) in four lanes. The compiler must not see that b is the same in every turn of
 * a loop: it would widen it once and multiply 64 by 64 bits, which takes ten times as long as
 * i64x2.extmul. edge_simd_record_after hides it. */
EDGE_SIMD_INLINE v128_t edge_simd_high(v128_t a, v128_t b) {
    return wasm_i32x4_shuffle(wasm_i64x2_extmul_low_i32x4(a, b), wasm_i64x2_extmul_high_i32x4(a, b),
                              1, 3, 5, 7);
}

/* The zero point is part of `offset`. */
EDGE_SIMD_INLINE v128_t edge_simd_scale_float(v128_t acc, const int32_t *k) {
    const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(acc), wasm_v128_load(k));
    const v128_t rounded = wasm_f32x4_add(scaled, wasm_v128_load(k + 4));
    return wasm_i32x4_sub(rounded, wasm_i32x4_const_splat(EDGE_SIMD_MAGIC_BITS));
}

/* Four accumulators scaled; k is the record from EDGE_SIMD_SCALE on, `form` a constant. */
EDGE_SIMD_INLINE v128_t edge_simd_scale(v128_t acc, const int32_t *k, edge_simd_form form) {
    if (form == EDGE_SIMD_FLOAT) {
        return edge_simd_scale_float(acc, k);
    }
    const v128_t raised = wasm_i32x4_mul(acc, wasm_v128_load(k));
    const v128_t high = edge_simd_high(raised, wasm_v128_load(k + 4));
    v128_t add = wasm_v128_load(k + 8);
    if (form != EDGE_SIMD_ONCE) {
        const v128_t sign = wasm_v128_and(wasm_i32x4_shr(acc, 31), wasm_v128_load(k + 12));
        add = wasm_i32x4_add(add, sign);
    }
    const uint32_t shift = form == EDGE_SIMD_ANY ? (uint32_t)k[16] : EDGE_SIMD_COMMON_SHIFT;
    return wasm_i32x4_shr(wasm_i32x4_add(high, add), shift);
}

/* A record whose constants are loaded here and not before `done` is: they would take the registers
 * of what is computed first. In a loop they are loaded again in every turn; see edge_simd_high. */
EDGE_SIMD_INLINE const int32_t *edge_simd_record_after(const int32_t *k, v128_t *done) {
    __asm__ volatile("" : "+r"(k), "+r"(*done));
    return k + EDGE_SIMD_SCALE;
}

/* acc[0], acc[2], ... scaled with one record; `count` is a constant. */
EDGE_SIMD_INLINE void edge_simd_scale_column(v128_t *acc, int32_t count, const int32_t *record,
                                             edge_simd_form form) {
    const int32_t *const k = edge_simd_record_after(record, acc + 2 * (count - 1));
    for (int32_t i = 0; i < count; i++) {
        acc[2 * i] = edge_simd_scale(acc[2 * i], k, form);
    }
}

/* Adds the bias of a record to acc[0], acc[2], ..., sums of weights that are not raised. */
EDGE_SIMD_INLINE void edge_simd_add_bias(v128_t *acc, int32_t count, const int32_t *record,
                                         edge_simd_form form) {
    const v128_t bias = wasm_v128_load(record);
    for (int32_t i = 0; i < count; i++) {
        v128_t *const sum = acc + 2 * i;
        *sum = form == EDGE_SIMD_FLOAT ? wasm_i32x4_shl(*sum, EDGE_SIMD_FRACTION_BITS) : *sum;
        *sum = wasm_i32x4_add(*sum, bias);
    }
}

/* 8 weights, raised for the float form. */
EDGE_SIMD_INLINE v128_t edge_simd_weights(const int8_t *w, edge_simd_form form) {
    const v128_t wide = wasm_i16x8_load8x8(w);
    return form == EDGE_SIMD_FLOAT ? wasm_i16x8_shl(wide, EDGE_SIMD_FRACTION_BITS) : wide;
}

/* Zero point and bounds of the output in every lane. */
typedef struct {
    v128_t zero_point, minimum, maximum; /* i16x8, i8x16, i8x16 */
} edge_simd_output;

static inline edge_simd_output edge_simd_output_of(int8_t zero_point, int8_t minimum,
                                                   int8_t maximum) {
    const edge_simd_output output = {wasm_i16x8_splat(zero_point), wasm_i8x16_splat(minimum),
                                     wasm_i8x16_splat(maximum)};
    return output;
}

/* Eight scaled accumulators as int16 with the zero point. Saturating does not change a result that
 * is clamped to 8 bits afterwards. */
EDGE_SIMD_INLINE v128_t edge_simd_narrowed(const edge_simd_output *output, v128_t a, v128_t b,
                                           edge_simd_form form) {
    const v128_t narrow = wasm_i16x8_narrow_i32x4(a, b);
    return form == EDGE_SIMD_FLOAT ? narrow : wasm_i16x8_add_sat(narrow, output->zero_point);
}

/* clamp(x + zero point) of 16 scaled accumulators. */
EDGE_SIMD_INLINE v128_t edge_simd_stored(const edge_simd_output *output, v128_t a, v128_t b,
                                         v128_t c, v128_t d, edge_simd_form form) {
    const v128_t bytes = wasm_i8x16_narrow_i16x8(edge_simd_narrowed(output, a, b, form),
                                                 edge_simd_narrowed(output, c, d, form));
    return wasm_i8x16_min(wasm_i8x16_max(bytes, output->minimum), output->maximum);
}

#endif
