/* SPDX-License-Identifier: Apache-2.0
 *
 * Long short-term memory, float32: recurrent_f32.h. Scratch: float[8 * units].
 */
#include "edge/kernels.h"
#include "recurrent_f32.h"

void edge_ref_lstm_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                       void *scratch) {
    (void)y;
    lstm_steps(descriptor, in, out, scratch);
}
