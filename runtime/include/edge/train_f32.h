/* SPDX-License-Identifier: Apache-2.0
 *
 * float32 gradients: the arithmetic that their kernels share.
 *
 * Slots are those of the int8 gradients, with the exponents missing. Sums take their terms in the
 * order that each kernel states, every product and every sum is rounded (-ffp-contract=off), so
 * that all machines make the same bits. A term of zero changes nothing and may be left out.
 */
#ifndef EDGE_TRAIN_F32_H
#define EDGE_TRAIN_F32_H

#include "edge/train.h"

/* sum * factor, halves up, saturated to +-2^30. */
static inline int32_t edge_float_step(float sum, float factor) {
    const float limit = 1073741824.0f, raw = sum * factor;
    const float moved = (raw < limit ? (raw > -limit ? raw : -limit) : limit) + 0.5f;
    const int32_t whole = (int32_t)moved;
    return whole - ((float)whole > moved);
}

/* Whether an output channel has a gradient at any position; without one its step is 0. */
static inline int edge_has_float_gradient(const edge_window *s, const float *gradient) {
    for (int32_t p = s->out_h * s->out_w; p > 0; p--, gradient += s->out_c) {
        if (*gradient != 0.0f) {
            return 1;
        }
    }
    return 0;
}

#endif
