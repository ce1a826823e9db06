/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition and subtraction, int8, of operands without repetition; the arithmetic is that of
 * runtime/kernels/ref/add_s8.c. 8 elements are read completely before any is written.
 *
 * TWICE: an operand's scale is at most half of the doubled larger one, so its shift is not
 * positive.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "scale.h"

#ifdef __ARM_NEON

enum { GROUP = 8, OPERAND_BITS = 20 };

typedef struct {
    int16x8_t zero_point;
    int32_t multiplier, shift;
} operand;

typedef struct {
    operand a, b;
    int32_t multiplier, shift; /* of the output */
    edge_neon_output output;
} work;

EDGE_NEON_INLINE int32x4_t term_twice(const operand *o, int16x4_t x) {
    const int32x4_t shifted = vshlq_n_s32(vmovl_s16(x), OPERAND_BITS);
    return edge_neon_scaled_by(shifted, vdupq_n_s32(o->multiplier), vdupq_n_s32(o->shift),
                               EDGE_NEON_TWICE);
}

EDGE_NEON_INLINE int32x4_t sum_twice(const work *w, int16x4_t a, int16x4_t b, int subtract) {
    const int32x4_t ta = term_twice(&w->a, a), tb = term_twice(&w->b, b);
    return edge_neon_scaled_alike(subtract ? vsubq_s32(ta, tb) : vaddq_s32(ta, tb), w->multiplier,
                                  w->shift, EDGE_NEON_TWICE);
}

/* The multiplier of b is negative to subtract. */
EDGE_NEON_INLINE int32x4_t sum_once(const work *w, int16x4_t a, int16x4_t b) {
    const int32x4_t ta = vmulq_n_s32(vmovl_s16(a), w->a.multiplier);
    return vrshlq_s32(vmlaq_n_s32(ta, vmovl_s16(b), w->b.multiplier), vdupq_n_s32(w->shift));
}

EDGE_NEON_INLINE int16x8_t centred(const operand *o, const int8_t *x) {
    return vsubq_s16(vmovl_s8(vld1_s8(x)), o->zero_point);
}

EDGE_NEON_INLINE void add_8(const work *w, const int8_t *a, const int8_t *b, int8_t *out, int once,
                            int subtract) {
    const int16x8_t x = centred(&w->a, a), y = centred(&w->b, b);
    const int16x4_t x0 = vget_low_s16(x), x1 = vget_high_s16(x);
    const int16x4_t y0 = vget_low_s16(y), y1 = vget_high_s16(y);
    const int32x4_t low = once ? sum_once(w, x0, y0) : sum_twice(w, x0, y0, subtract);
    const int32x4_t high = once ? sum_once(w, x1, y1) : sum_twice(w, x1, y1, subtract);
    vst1_s8(out, edge_neon_output_8(&w->output, low, high));
}

EDGE_NEON_INLINE void add_all(const work *w, const int8_t *a, const int8_t *b, int8_t *out,
                              int32_t elements, int once, int subtract) {
    int32_t i = 0;
    for (; i + GROUP <= elements; i += GROUP) {
        add_8(w, a + i, b + i, out + i, once, subtract);
    }
    if (i < elements) {
        const size_t rest = (size_t)(elements - i);
        int8_t last[3][GROUP] = {{0}};
        memcpy(last[0], a + i, rest);
        memcpy(last[1], b + i, rest);
        add_8(w, last[0], last[1], last[2], once, subtract);
        memcpy(out + i, last[2], rest);
    }
}

static operand operand_of(const edge_operand *o, int32_t sign) {
    const operand made = {vdupq_n_s16(o->zero_point), sign * o->multiplier, o->shift};
    return made;
}

void edge_neon_add_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    const edge_add *layer = descriptor;
    const int8_t *a = edge_operand_row(&in[0], y), *b = edge_operand_row(&in[1], y);
    const int once = layer->rounding == EDGE_ROUND_ONCE;
    const work w = {operand_of(&layer->a, 1),
                    operand_of(&layer->b, once && layer->subtract ? -1 : 1), layer->out_multiplier,
                    once ? -layer->out_shift : layer->out_shift,
                    edge_neon_output_of(layer->zero_point, layer->minimum, layer->maximum)};
    (void)scratch;
    EDGE_ASSERT(a != NULL && b != NULL);
    EDGE_ASSERT(layer->a_size == layer->elements && layer->b_size == layer->elements);
    if (once) {
        add_all(&w, a, b, out, layer->elements, 1, 0);
    } else if (layer->subtract) {
        add_all(&w, a, b, out, layer->elements, 0, 1);
    } else {
        add_all(&w, a, b, out, layer->elements, 0, 0);
    }
}

#endif
