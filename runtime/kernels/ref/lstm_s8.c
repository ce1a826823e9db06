/* SPDX-License-Identifier: Apache-2.0
 *
 * Long short-term memory, int8, over all steps of a sequence:
 *
 *     a = gate inputs of x[t], b = gate inputs of h, h, c = next values of each unit,
 *     out[t] = 16 * h, c
 *
 * as edge/recurrent.h defines them. Weights are [4 * units][size], gates in the order i, f, g, o.
 * Accumulator: |bias| + 128 * sum |w| < 2^31 is checked when the constants are made.
 *
 * Scratch: int16[8 * units], then int8[units] and int16[units], each in whole words.
 */
#include "edge/kernels.h"
#include "edge/recurrent.h"

void edge_ref_lstm_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    (void)y;
    edge_lstm_steps(descriptor, in, out, scratch, edge_gate_inputs);
}
