/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiplication, int8, of operands of which one may repeat, 4 elements at a time:
 *
 *     out[i] = requantized (a[i % a_size] - a_zero_point) * (b[i % b_size] - b_zero_point)
 *
 * 0 <= i < elements; one size is `elements`, the other divides it. Accumulators, doubled in TWICE,
 * are at most 2 * 255 * 255 and scaled as edge/dsp.h describes, with one q and e. In ONCE
 * multiplier and e are raised together to e = 2, which changes nothing.
 *
 * 4 elements are read completely before any is written.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"
#include "edge/memory.h"

#ifdef __ARM_FEATURE_DSP

enum { COPIES = 32 }; /* of an operand of one element */

static int32_t negated_halves(int32_t zero_point) {
    return (int32_t)(((uint32_t)-zero_point & 0xffff) * 0x10001u);
}

/* The operand that may repeat is b. */
static edge_dsp_mul constants(const edge_mul *layer, int swapped) {
    const edge_requantize *q = &layer->requantize;
    const int32_t a_zero = swapped ? layer->b_zero_point : layer->a_zero_point;
    const int32_t b_zero = swapped ? layer->a_zero_point : layer->b_zero_point;
    const int once = q->rounding == EDGE_ROUND_ONCE;
    const int32_t raised = once ? 2 + q->shift[0] : 0, f = once ? 0 : -q->shift[0] - 1;
    const edge_dsp_mul mul = {NULL,
                              NULL,
                              NULL,
                              negated_halves(a_zero),
                              negated_halves(b_zero),
                              q->multiplier[0] << raised,
                              (2 * q->zero_point + 1) * (1 << f),
                              f,
                              NULL};
    return mul;
}

static void multiply_words(const edge_mul *layer, edge_dsp_mul *mul, int32_t elements) {
    mul->end = mul->out + elements;
    if (layer->requantize.rounding == EDGE_ROUND_ONCE) {
        edge_dsp_mul_4_once(mul);
    } else {
        edge_dsp_mul_4_twice(mul);
    }
}

/* The last 1 to 3 elements. */
static void multiply_rest(const edge_mul *layer, edge_dsp_mul mul, int32_t elements) {
    int8_t last[3][4] = {{0}}, *out = mul.out;
    memcpy(last[0], mul.a, (size_t)elements);
    memcpy(last[1], mul.b, (size_t)elements);
    mul.a = last[0];
    mul.b = last[1];
    mul.out = last[2];
    multiply_words(layer, &mul, 4);
    memcpy(out, last[2], (size_t)elements);
}

static void multiply(const edge_mul *layer, edge_dsp_mul mul, int32_t elements) {
    const int32_t whole = elements & ~3;
    if (whole > 0) {
        multiply_words(layer, &mul, whole);
        mul.a += whole;
        mul.b += whole;
        mul.out += whole;
    }
    if (whole < elements) {
        multiply_rest(layer, mul, elements - whole);
    }
}

/* b holds `size` elements. */
static void multiply_repeated(const edge_mul *layer, edge_dsp_mul mul, int32_t size) {
    for (int32_t left = layer->elements; left > 0; left -= size) {
        multiply(layer, mul, left < size ? left : size);
        mul.a += size;
        mul.out += size;
    }
}

void edge_dsp_mul_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    const edge_mul *layer = descriptor;
    const int swapped = layer->a_size < layer->elements;
    const int32_t size = swapped ? layer->a_size : layer->b_size;
    int8_t copies[COPIES];
    edge_dsp_mul mul = constants(layer, swapped);
    (void)scratch;
    EDGE_ASSERT(layer->requantize.per_channel == 0);
    mul.a = edge_operand_row(&in[swapped], y);
    mul.b = edge_operand_row(&in[!swapped], y);
    mul.out = out;
    EDGE_ASSERT(mul.a != NULL && mul.b != NULL);
    if (size == 1) {
        memset(copies, *mul.b, COPIES);
        mul.b = copies;
    }
    multiply_repeated(layer, mul, size == 1 ? COPIES : size);
    edge_dsp_clamp_all(out, layer->elements, layer->requantize.minimum, layer->requantize.maximum);
}

#endif
