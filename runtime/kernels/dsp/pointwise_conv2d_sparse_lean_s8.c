/* SPDX-License-Identifier: Apache-2.0
 *
 * As pointwise_conv2d_sparse_s8.c with less scratch, up to 6 pixels at a time.
 */
#include "edge/dsp_sparse.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

#define TOGETHER 1

void edge_dsp_pointwise_conv2d_sparse_lean_s8(const void *descriptor, const edge_rows *in,
                                              int32_t y, void *out, void *scratch) {
    edge_dsp_sparse_convolve_pixels(descriptor, TOGETHER, edge_row(in, y), out, scratch);
}

#endif
