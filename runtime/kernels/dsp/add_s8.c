/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition or subtraction, int8, of operands without repetition:
 *
 *     out[i] = clamp(zero_point + scaled(a'[i] +- b'[i]))
 *     ONCE:  x' = (x - x.zero_point) * x.multiplier
 *            scaled(t) = (t + 2^(out_shift - 1)) >> out_shift
 *     TWICE: x' = twice((x - x.zero_point) * 2^20, x.multiplier, x.shift)
 *            scaled(t) = twice(t, out_multiplier, out_shift)
 *
 * ONCE: both zero points, the rounding and the output's zero point are one constant; the planner
 * accepts constants for which the sum fits int32. TWICE: operand shifts are not positive and
 * out_shift is negative, as they are whenever the output scale is not far smaller than the input
 * scales; a rounding shift is (v + 2^(e - 1) - (v < 0)) >> e.
 *
 * 4 elements are read completely before any is written.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

/* high(value, multiplier) + addend: the upper half of the product rounded half up. */
static inline int32_t multiply_add(int32_t value, int32_t multiplier, int32_t addend) {
    int32_t r;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(r) : "r"(value), "r"(multiplier), "r"(addend));
    return r;
}

static inline int32_t saturated(int32_t value) {
    int32_t r;
    __asm__("ssat %0, #8, %1" : "=r"(r) : "r"(value));
    return r;
}

static inline int32_t byte(uint32_t word, int32_t index) {
    return (int8_t)(word >> (8 * index));
}

static inline uint32_t packed(int32_t b0, int32_t b1, int32_t b2, int32_t b3) {
    return ((uint32_t)b0 & 0xff) | ((uint32_t)b1 & 0xff) << 8 | ((uint32_t)b2 & 0xff) << 16 |
           (uint32_t)b3 << 24;
}

typedef struct {
    int32_t a, b; /* multipliers, b's negative to subtract */
    int32_t constant, shift;
} once;

static once constants_once(const edge_add *layer) {
    const int32_t sign = layer->subtract ? -1 : 1;
    once k = {layer->a.multiplier, sign * layer->b.multiplier, 0, layer->out_shift};
    k.constant = layer->zero_point * (1 << k.shift) + (1 << (k.shift - 1)) -
                 layer->a.zero_point * k.a - layer->b.zero_point * k.b;
    return k;
}

static inline int32_t sum_once(const once *k, int32_t a, int32_t b) {
    const uint32_t sum = (uint32_t)k->constant + (uint32_t)(a * k->a) + (uint32_t)(b * k->b);
    return saturated((int32_t)sum >> k->shift);
}

/* x' of one operand: z = zero point * 2^21, m = multiplier, e = right shift, c = 2^(e - 1) or 0,
 * and `ties` with all bits set if e > 0. */
typedef struct {
    int32_t z, m, c, ties, e;
} operand;

typedef struct {
    operand a, b;
    int32_t sign; /* of b' */
    int32_t m, c, e;
} twice;

static operand operand_constants(const edge_operand *from) {
    const int32_t e = -from->shift;
    const operand k = {from->zero_point * (1 << 21), from->multiplier, e > 0 ? 1 << (e - 1) : 0,
                       e > 0 ? -1 : 0, e};
    return k;
}

static twice constants_twice(const edge_add *layer) {
    const int32_t e = -layer->out_shift;
    const twice k = {operand_constants(&layer->a),
                     operand_constants(&layer->b),
                     layer->subtract ? -1 : 1,
                     layer->out_multiplier,
                     layer->zero_point * (1 << e) + (1 << (e - 1)),
                     e};
    return k;
}

static inline int32_t scaled(const operand *k, int32_t x) {
    const int32_t t = x * (1 << 21) - k->z;
    return multiply_add(t, k->m, k->c + ((t >> 31) & k->ties)) >> k->e;
}

static inline int32_t sum_twice(const twice *k, int32_t a, int32_t b) {
    const int32_t t = scaled(&k->a, a) + k->sign * scaled(&k->b, b);
    return saturated(multiply_add(2 * t, k->m, k->c + (t >> 31)) >> k->e);
}

static inline uint32_t four_once(const once *k, uint32_t a, uint32_t b) {
    return packed(sum_once(k, byte(a, 0), byte(b, 0)), sum_once(k, byte(a, 1), byte(b, 1)),
                  sum_once(k, byte(a, 2), byte(b, 2)), sum_once(k, byte(a, 3), byte(b, 3)));
}

static inline uint32_t four_twice(const twice *k, uint32_t a, uint32_t b) {
    return packed(sum_twice(k, byte(a, 0), byte(b, 0)), sum_twice(k, byte(a, 1), byte(b, 1)),
                  sum_twice(k, byte(a, 2), byte(b, 2)), sum_twice(k, byte(a, 3), byte(b, 3)));
}

static void add_once(const edge_add *layer, const int8_t *a, const int8_t *b, int8_t *out) {
    const once k = constants_once(layer);
    const int32_t whole = layer->elements & ~3;
    for (int32_t i = 0; i < whole; i += 4) {
        edge_dsp_store(out + i, four_once(&k, edge_dsp_load(a + i), edge_dsp_load(b + i)));
    }
    for (int32_t i = whole; i < layer->elements; i++) {
        out[i] = (int8_t)sum_once(&k, a[i], b[i]);
    }
}

static void add_twice(const edge_add *layer, const int8_t *a, const int8_t *b, int8_t *out) {
    const twice k = constants_twice(layer);
    const int32_t whole = layer->elements & ~3;
    for (int32_t i = 0; i < whole; i += 4) {
        edge_dsp_store(out + i, four_twice(&k, edge_dsp_load(a + i), edge_dsp_load(b + i)));
    }
    for (int32_t i = whole; i < layer->elements; i++) {
        out[i] = (int8_t)sum_twice(&k, a[i], b[i]);
    }
}

void edge_dsp_add_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    const edge_add *layer = descriptor;
    const int8_t *a = edge_operand_row(&in[0], y);
    const int8_t *b = edge_operand_row(&in[1], y);
    (void)scratch;
    EDGE_ASSERT(a != NULL && b != NULL);
    EDGE_ASSERT(layer->a_size == layer->elements && layer->b_size == layer->elements);
    (layer->rounding == EDGE_ROUND_ONCE ? add_once : add_twice)(layer, a, b, out);
    edge_dsp_clamp_all(out, layer->elements, layer->minimum, layer->maximum);
}

#endif
