/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row, windows of any size, stride 2 along the row. 4
 * outputs at a time, with little scratch. What is computed and the scratch: convolve_window.c.
 * Packing: edge.emit.packing.dsp.pack_depthwise_window_s2.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

void edge_dsp_depthwise_window_s2_lean_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                          void *out, void *scratch) {
    edge_dsp_convolve_window(descriptor, 0, in, y, out, scratch);
}

#endif
