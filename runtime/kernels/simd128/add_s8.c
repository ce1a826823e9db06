/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition and subtraction, int8, of operands without repetition, 8 elements at a time:
 *
 *     out[i] = clamp(zero_point + scaled(a'[i] +- b'[i]))
 *     ONCE:  x' = (x - x.zero_point) * x.multiplier
 *            scaled(t) = (t + 2^(out_shift - 1)) >> out_shift
 *     TWICE: x' = twice((x - x.zero_point) * 2^20, x.multiplier, x.shift)
 *            scaled(t) = twice(t, out_multiplier, out_shift)
 *
 * TWICE becomes ONCE where constants were found that give the same outputs for all pairs of inputs
 * (edge.quantization.simd128_add). Otherwise twice is computed as in
 * edge.quantization.simd128_scale with a factor of 4 (d = 2) on its argument; the planner accepts
 * sums below 2^29 and no left shifts.
 *
 * 8 elements are read completely before any is written.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include "edge/memory.h"
#include "scale.h"

enum { STEP = 8 };

/* twice(x, multiplier, -right) of 4 * x. */
typedef struct {
    v128_t multiplier, add, sign;
    uint32_t shift;
} scale;

static scale scale_of(int32_t multiplier, int32_t right) {
    const scale s = {wasm_i32x4_splat(multiplier),
                     wasm_i32x4_splat(right > 0 ? 1 + (1 << right) : 1),
                     wasm_i32x4_splat(right > 0 ? -2 : 0), (uint32_t)right + 1};
    return s;
}

static inline v128_t scaled(const scale *s, v128_t x4) {
    v128_t multiplier = s->multiplier;
    __asm__ volatile("" : "+r"(multiplier)); /* see edge_simd_high */
    const v128_t high = edge_simd_high(x4, multiplier);
    const v128_t sign = wasm_v128_and(wasm_i32x4_shr(x4, 31), s->sign);
    return wasm_i32x4_shr(wasm_i32x4_add(high, wasm_i32x4_add(s->add, sign)), s->shift);
}

typedef struct {
    edge_simd_output output;
    v128_t a_zero, b_zero; /* i16x8 */
    scale a, b, out;       /* TWICE */
    v128_t a_factor, b_factor, half;
    uint32_t shift; /* ONCE */
    int subtract;
} constants;

static constants constants_of(const edge_add *layer) {
    const int once = layer->rounding == EDGE_ROUND_ONCE;
    const constants c = {
        edge_simd_output_of(layer->zero_point, layer->minimum, layer->maximum),
        wasm_i16x8_splat(layer->a.zero_point),
        wasm_i16x8_splat(layer->b.zero_point),
        scale_of(layer->a.multiplier, -layer->a.shift),
        scale_of(layer->b.multiplier, -layer->b.shift),
        scale_of(layer->out_multiplier, -layer->out_shift),
        wasm_i32x4_splat(layer->a.multiplier),
        wasm_i32x4_splat(layer->subtract ? -layer->b.multiplier : layer->b.multiplier),
        wasm_i32x4_splat(once ? 1 << (layer->out_shift - 1) : 0),
        (uint32_t)layer->out_shift,
        layer->subtract};
    return c;
}

static inline v128_t sum_once(const constants *c, v128_t a, v128_t b) {
    const v128_t products =
        wasm_i32x4_add(wasm_i32x4_mul(a, c->a_factor), wasm_i32x4_mul(b, c->b_factor));
    return wasm_i32x4_shr(wasm_i32x4_add(products, c->half), c->shift);
}

static inline v128_t sum_twice(const constants *c, v128_t a, v128_t b) {
    const v128_t x = scaled(&c->a, wasm_i32x4_shl(a, 22)), y = scaled(&c->b, wasm_i32x4_shl(b, 22));
    const v128_t sum = c->subtract ? wasm_i32x4_sub(x, y) : wasm_i32x4_add(x, y);
    return scaled(&c->out, wasm_i32x4_shl(sum, 2));
}

static inline void eight(const constants *c, int once, const int8_t *a, const int8_t *b,
                         int8_t *to) {
    const v128_t x = wasm_i16x8_sub(wasm_i16x8_load8x8(a), c->a_zero);
    const v128_t y = wasm_i16x8_sub(wasm_i16x8_load8x8(b), c->b_zero);
    const v128_t x0 = wasm_i32x4_extend_low_i16x8(x), x1 = wasm_i32x4_extend_high_i16x8(x);
    const v128_t y0 = wasm_i32x4_extend_low_i16x8(y), y1 = wasm_i32x4_extend_high_i16x8(y);
    const v128_t low = once ? sum_once(c, x0, y0) : sum_twice(c, x0, y0);
    const v128_t high = once ? sum_once(c, x1, y1) : sum_twice(c, x1, y1);
    wasm_v128_store64_lane(to, edge_simd_stored(&c->output, low, high, low, high, EDGE_SIMD_ANY),
                           0);
}

static inline void add(const edge_add *layer, int once, const int8_t *a, const int8_t *b,
                       int8_t *to) {
    const constants c = constants_of(layer);
    const int32_t whole = layer->elements & ~(STEP - 1), rest = layer->elements - whole;
    for (int32_t i = 0; i < whole; i += STEP) {
        eight(&c, once, a + i, b + i, to + i);
    }
    if (rest > 0) {
        int8_t last[3][STEP] = {{0}};
        memcpy(last[0], a + whole, (size_t)rest);
        memcpy(last[1], b + whole, (size_t)rest);
        eight(&c, once, last[0], last[1], last[2]);
        memcpy(to + whole, last[2], (size_t)rest);
    }
}

void edge_simd128_add_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                         void *scratch) {
    const edge_add *layer = descriptor;
    const int8_t *a = edge_operand_row(&in[0], y);
    const int8_t *b = edge_operand_row(&in[1], y);
    (void)scratch;
    EDGE_ASSERT(a != NULL && b != NULL);
    EDGE_ASSERT(layer->a_size == layer->elements && layer->b_size == layer->elements);
    if (layer->rounding == EDGE_ROUND_ONCE) {
        add(layer, 1, a, b, out);
    } else {
        add(layer, 0, a, b, out);
    }
}

#endif
