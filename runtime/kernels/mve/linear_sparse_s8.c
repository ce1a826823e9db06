/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected, int8, of weights in blocks of 4 output channels x 4 inputs, most of them zero:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * in_c is a multiple of 4, at most 1024. 4 blocks at a time are gathered from anywhere.
 *
 * Packing (edge.emit.packing.mve_sparse.pack_linear): weights are the stream that edge/mve_sparse.h
 * describes for gathers, requantize.bias the records of edge/mve.h; shift is NULL where ONCE has no
 * shifts, multiplier is unused.
 */
#include "edge/kernels.h"
#include "edge/mve_sparse.h"

#ifdef __ARM_FEATURE_MVE

static edge_mve_gather_routine *chosen(const edge_requantize *q) {
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_mve_has_shifts(q) ? edge_mve_gather_4x4_shifted : edge_mve_gather_4x4_once;
    }
    return edge_mve_gather_4x4_twice;
}

void edge_mve_linear_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_linear *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    edge_mve_gather gather = {edge_row(in, y), q->bias,      layer->weights, out,
                              layer->out_c,    q->zero_point};
    (void)scratch;
    EDGE_ASSERT(gather.in != NULL && (layer->in_c & 3) == 0);
    for (int32_t p = 0; p < layer->pixels; p++) {
        chosen(q)(&gather);
        gather.in += layer->in_c;
        gather.out += layer->out_c;
    }
    edge_mve_clamp_all(out, layer->pixels * layer->out_c, q->minimum, q->maximum);
}

#endif
