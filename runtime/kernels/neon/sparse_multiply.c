/* SPDX-License-Identifier: Apache-2.0
 *
 * The products of a strip, to the range of a fused activation: see sparse.h.
 */
#include "sparse.h"

#ifdef __ARM_NEON

static int is_clamped(const edge_neon_output *output) {
    return vgetq_lane_s8(output->minimum, 0) != -128 || vgetq_lane_s8(output->maximum, 0) != 127;
}

static void clamp(const edge_neon_output *output, int8_t *out, int32_t bytes) {
    const int8_t minimum = vgetq_lane_s8(output->minimum, 0);
    const int8_t maximum = vgetq_lane_s8(output->maximum, 0);
    for (; bytes >= EDGE_NEON_VECTOR; bytes -= EDGE_NEON_VECTOR, out += EDGE_NEON_VECTOR) {
        vst1q_s8(out, vminq_s8(vmaxq_s8(vld1q_s8(out), output->minimum), output->maximum));
    }
    for (; bytes > 0; bytes--, out++) {
        *out = *out < minimum ? minimum : *out > maximum ? maximum : *out;
    }
}

void edge_neon_sparse_multiply(const edge_neon_product *product, int32_t pixels,
                               const edge_neon_sparse *sparse) {
    sparse->multiply(product, pixels);
    if (is_clamped(&product->output)) {
        clamp(&product->output, product->out, pixels * product->channels);
    }
}

#endif
