/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiplication, int8, where one operand is the other's size or repeats along the last axes:
 *
 *     out[i] = requantized (a[i % a_size] - a_zero_point) * (b[i % b_size] - b_zero_point)
 *
 * 8 elements are read completely before any is written; where an operand starts again within them,
 * its elements are gathered. Accumulator: at most 255 * 255.
 */
#include "edge/kernels.h"
#include "scale.h"

#ifdef __ARM_NEON

enum { GROUP = 8 };

/* An operand and how far into it the output is. */
typedef struct {
    const int8_t *x;
    int32_t size, at;
    int16x8_t zero_point;
} operand;

EDGE_NEON_INLINE int16x8_t next_8(operand *o) {
    int8_t gathered[GROUP];
    const int8_t *from = o->x + o->at;
    if (o->at + GROUP <= o->size) {
        o->at += GROUP;
    } else {
        for (int32_t i = 0; i < GROUP; i++) {
            o->at = o->at == o->size ? 0 : o->at;
            gathered[i] = o->x[o->at++];
        }
        from = gathered;
    }
    return vsubq_s16(vmovl_s8(vld1_s8(from)), o->zero_point);
}

EDGE_NEON_INLINE int8x8_t multiplied(const edge_requantize *q, const edge_neon_output *output,
                                     operand *a, operand *b, int32_t form) {
    const int16x8_t x = next_8(a), y = next_8(b);
    const int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(y));
    const int32x4_t high = vmull_s16(vget_high_s16(x), vget_high_s16(y));
    return edge_neon_output_8(output,
                              edge_neon_scaled_alike(low, q->multiplier[0], q->shift[0], form),
                              edge_neon_scaled_alike(high, q->multiplier[0], q->shift[0], form));
}

/* The last elements by themselves: nothing behind the operands may be read. */
static void multiply_rest(const edge_mul *layer, const edge_neon_output *output, const operand *a,
                          const operand *b, int32_t form, int8_t *out, int32_t rest) {
    int8_t x[GROUP] = {0}, y[GROUP] = {0}, made[GROUP];
    for (int32_t i = 0; i < rest; i++) {
        x[i] = a->x[(a->at + i) % a->size];
        y[i] = b->x[(b->at + i) % b->size];
    }
    operand left = {x, GROUP, 0, a->zero_point}, right = {y, GROUP, 0, b->zero_point};
    vst1_s8(made, multiplied(&layer->requantize, output, &left, &right, form));
    for (int32_t i = 0; i < rest; i++) {
        out[i] = made[i];
    }
}

void edge_neon_mul_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    const edge_mul *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const edge_neon_output output = edge_neon_output_of(q->zero_point, q->minimum, q->maximum);
    const int32_t form = q->rounding == EDGE_ROUND_ONCE ? EDGE_NEON_NEAREST : EDGE_NEON_TWICE;
    operand a = {edge_operand_row(&in[0], y), layer->a_size, 0, vdupq_n_s16(layer->a_zero_point)};
    operand b = {edge_operand_row(&in[1], y), layer->b_size, 0, vdupq_n_s16(layer->b_zero_point)};
    int8_t *to = out;
    int32_t i = 0;
    (void)scratch;
    EDGE_ASSERT(a.x != NULL && b.x != NULL && q->per_channel == 0);
    for (; i + GROUP <= layer->elements; i += GROUP) {
        vst1_s8(to + i, multiplied(q, &output, &a, &b, form));
    }
    multiply_rest(layer, &output, &a, &b, form, to + i, layer->elements - i);
}

#endif
