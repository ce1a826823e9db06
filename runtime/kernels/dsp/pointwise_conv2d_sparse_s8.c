/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolution, int8, and linear layers, of weights in blocks of 1 output channel x 4
 * input channels, most of them zero:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * in_c is a multiple of 4. Pixels are taken in order, up to 36 at a time, and read completely
 * before any of them is written: see sparse_pixels.c, also for the scratch.
 *
 * Packing (edge.emit.packing.dsp_sparse.pack_conv2d): weights are the stream of edge/dsp_sparse.h;
 * bias, multiplier and shift are unused.
 */
#include "edge/dsp_sparse.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

#define TOGETHER 6

void edge_dsp_pointwise_conv2d_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                         void *out, void *scratch) {
    edge_dsp_sparse_convolve_pixels(descriptor, TOGETHER, edge_row(in, y), out, scratch);
}

#endif
