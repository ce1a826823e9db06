/* SPDX-License-Identifier: Apache-2.0
 *
 * Gated recurrent unit, float32: recurrent_f32.h. Scratch: float[6 * units].
 */
#include "edge/kernels.h"
#include "recurrent_f32.h"

void edge_ref_gru_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    (void)y;
    gru_steps(descriptor, in, out, scratch);
}
