/* SPDX-License-Identifier: Apache-2.0
 *
 * Addition or subtraction, int8:
 *
 *     out[i] = clamp(zero_point + scaled(a'[i % a_size] +- b'[i % b_size]))
 *     ONCE:  x' = (x - x.zero_point) * x.multiplier
 *            scaled(t) = (t + 2^(out_shift - 1)) >> out_shift
 *     TWICE: x' = twice((x - x.zero_point) * 2^20, x.multiplier, x.shift)
 *            scaled(t) = twice(t, out_multiplier, out_shift)
 *
 * 0 <= i < elements. TWICE is the arithmetic of the LiteRT reference kernel.
 *
 * Range: |x - zero_point| <= 255. ONCE: multipliers are below 2^22, so |t| + 2^19 < 2^31. TWICE:
 * |x - zero_point| * 2^20 < 2^28 and operands are scaled by at most 1.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

static int32_t signed_sum(const edge_add *layer, int32_t a, int32_t b) {
    return layer->subtract ? a - b : a + b;
}

static int32_t sum_once(const edge_add *layer, int32_t a, int32_t b) {
    const int32_t t = signed_sum(layer, a * layer->a.multiplier, b * layer->b.multiplier);
    return (t + (1 << (layer->out_shift - 1))) >> layer->out_shift;
}

static int32_t operand_twice(const edge_operand *operand, int32_t x) {
    return edge_scale_twice(x * (1 << 20), operand->multiplier, operand->shift);
}

static int32_t sum_twice(const edge_add *layer, int32_t a, int32_t b) {
    const int32_t t = signed_sum(layer, operand_twice(&layer->a, a), operand_twice(&layer->b, b));
    return edge_scale_twice(t, layer->out_multiplier, layer->out_shift);
}

void edge_ref_add_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    const edge_add *layer = descriptor;
    const int8_t *a = edge_operand_row(&in[0], y);
    const int8_t *b = edge_operand_row(&in[1], y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(a != NULL && b != NULL);
    for (int32_t i = 0, ia = 0, ib = 0; i < layer->elements; i++) {
        const int32_t xa = a[ia] - layer->a.zero_point;
        const int32_t xb = b[ib] - layer->b.zero_point;
        const int32_t sum =
            layer->rounding == EDGE_ROUND_ONCE ? sum_once(layer, xa, xb) : sum_twice(layer, xa, xb);
        to[i] = edge_store(sum, layer->zero_point, layer->minimum, layer->maximum);
        ia = ia + 1 == layer->a_size ? 0 : ia + 1;
        ib = ib + 1 == layer->b_size ? 0 : ib + 1;
    }
}
