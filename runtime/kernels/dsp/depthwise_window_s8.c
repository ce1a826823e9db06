/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row, windows of any size, stride 1 along the row, or a
 * window of one column. What is computed and the scratch: convolve_window.c. Packing:
 * edge.emit.packing.dsp.pack_depthwise_window.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

void edge_dsp_depthwise_window_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    edge_dsp_convolve_window(descriptor, EDGE_DSP_WINDOW_PLANES, in, y, out, scratch);
}

#endif
