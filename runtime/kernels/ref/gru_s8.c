/* SPDX-License-Identifier: Apache-2.0
 *
 * Gated recurrent unit, int8, over all steps of a sequence:
 *
 *     a = gate inputs of x[t], b = gate inputs of h, h = next hidden value of each unit, out[t] = h
 *
 * as edge/recurrent.h defines them. Weights are [3 * units][size], gates in the order r, z, n.
 * Accumulator: |bias| + 128 * sum |w| < 2^31 is checked when the constants are made.
 *
 * Scratch: int16[6 * units].
 */
#include "edge/kernels.h"
#include "edge/recurrent.h"

void edge_ref_gru_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                     void *scratch) {
    (void)y;
    edge_gru_steps(descriptor, in, out, scratch, edge_gate_inputs);
}
