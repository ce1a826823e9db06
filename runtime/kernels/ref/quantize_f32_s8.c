/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 to int8:
 *
 *     out[i] = clamp(nearest(x[i] / scale) + zero_point, -128, 127)
 *
 * 0 <= i < elements. Halves go to even (ONCE) or away from zero (TWICE, as LiteRT). The quotient is
 * limited to where every result is saturated already, so that it fits int32; NaN counts as low.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

static float limited(float value) {
    const float limit = 512.0f;
    const float raised = value > -limit ? value : -limit;
    return raised < limit ? raised : limit;
}

/* Adding 1.5 * 2^23 leaves no fraction bits, so that the addition itself rounds, under the default
 * mode to nearest even. */
static int32_t nearest_even(float value) {
    const float no_fraction = 12582912.0f;
    const float rounded = value + no_fraction;
    return (int32_t)(rounded - no_fraction);
}

/* The difference to the truncated value is exact. */
static int32_t nearest_away(float value) {
    const int32_t whole = (int32_t)value;
    const float rest = value - (float)whole;
    return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

void edge_ref_quantize_f32_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                              void *scratch) {
    const edge_affine *layer = descriptor;
    const float *x = edge_row(in, y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL && layer->scale > 0.0f);
    for (int32_t i = 0; i < layer->elements; i++) {
        const float value = limited(x[i] / layer->scale);
        const int32_t steps =
            layer->rounding == EDGE_ROUND_ONCE ? nearest_even(value) : nearest_away(value);
        to[i] = edge_store(steps, layer->zero_point, -128, 127);
    }
}
