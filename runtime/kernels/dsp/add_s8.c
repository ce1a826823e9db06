/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition, int8, of operands without repetition; in ONCE also subtraction:
 *
 *     out[i] = clamp(zero_point + scaled(a'[i] +- b'[i]))
 *     ONCE:  x' = (x - x.zero_point) * x.multiplier
 *            scaled(t) = (t + 2^(out_shift - 1)) >> out_shift
 *     TWICE: x' = twice((x - x.zero_point) * 2^20, x.multiplier, x.shift)
 *            scaled(t) = twice(t, out_multiplier, out_shift)
 *
 * ONCE: both zero points, the rounding and the output's zero point are one constant; the planner
 * accepts constants for which the sum fits int32.
 *
 * TWICE: one operand has the larger scale, half of the doubled one: multiplier 2^30, shift 0, so
 * that x' = (x - zero point) * 2^19 exactly. It is called a below. Of the other, b, and of the
 * output, the rounding shift by e is (v + 2^(e - 1) - (v < 0)) >> e. If b has no shift, it is the
 * same half; then it is doubled before and shifted by 1 after, which is exact.
 *
 * 4 elements are read completely before any is written.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"
#include "edge/memory.h"

#ifdef __ARM_FEATURE_DSP

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

static inline uint32_t four_once(const once *k, uint32_t a, uint32_t b) {
    return packed(sum_once(k, byte(a, 0), byte(b, 0)), sum_once(k, byte(a, 1), byte(b, 1)),
                  sum_once(k, byte(a, 2), byte(b, 2)), sum_once(k, byte(a, 3), byte(b, 3)));
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

static int is_half(const edge_operand *operand) {
    return operand->multiplier == 1 << 30 && operand->shift == 0;
}

static edge_dsp_add constants_twice(const edge_add *layer, const edge_operand *a,
                                    const edge_operand *b) {
    const int32_t e = -layer->out_shift;
    const int32_t b_scale = b->shift < 0 ? 1 << 21 : 1 << 22;
    const int32_t b_shift = b->shift < 0 ? -b->shift : 1;
    const edge_dsp_add add = {NULL,
                              NULL,
                              NULL,
                              b_scale,
                              -b->zero_point * b_scale,
                              b->multiplier,
                              1 << (b_shift - 1),
                              b_shift,
                              -a->zero_point * (1 << 20),
                              layer->out_multiplier,
                              layer->zero_point * (1 << e) + (1 << (e - 1)),
                              e,
                              NULL};
    return add;
}

static void add_twice(const edge_add *layer, const int8_t *a, const int8_t *b, int8_t *out) {
    const int swapped = !is_half(&layer->a);
    const int32_t whole = layer->elements & ~3, rest = layer->elements & 3;
    edge_dsp_add add = swapped ? constants_twice(layer, &layer->b, &layer->a)
                               : constants_twice(layer, &layer->a, &layer->b);
    add.a = swapped ? b : a;
    add.b = swapped ? a : b;
    add.out = out;
    add.end = out + whole;
    if (whole > 0) {
        edge_dsp_add_4(&add);
    }
    if (rest > 0) {
        int8_t last[3][4] = {{0}};
        memcpy(last[0], add.a + whole, (size_t)rest);
        memcpy(last[1], add.b + whole, (size_t)rest);
        add.a = last[0];
        add.b = last[1];
        add.out = last[2];
        add.end = last[2] + 4;
        edge_dsp_add_4(&add);
        memcpy(out + whole, last[2], (size_t)rest);
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
