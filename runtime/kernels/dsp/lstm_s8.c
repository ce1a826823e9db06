/* SPDX-License-Identifier: Apache-2.0
 *
 * Long short-term memory, int8; the same bits as ref/lstm_s8.c. Weights, biases and the limits of
 * sums and shifts as edge/dsp_recurrent.h says; vectors of at least 4 values.
 *
 * Scratch: that of ref/lstm_s8.c, then the longer of both vectors widened, 8 bytes for each 4
 * values begun, and 4 bytes.
 */
#include "edge/dsp_recurrent.h"
#include "edge/kernels.h"
#include "edge/recurrent.h"

#ifdef __ARM_FEATURE_DSP

void edge_dsp_lstm_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    (void)y;
    edge_lstm_steps(descriptor, in, out, scratch, edge_dsp_gate_inputs);
}

#endif
