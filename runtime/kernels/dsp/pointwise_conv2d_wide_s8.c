/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolution, int8, 1x1, stride 1, no padding, and linear layers of many pixels or with
 * a scale for each channel: see convolve_pixels.c.
 *
 * Packing (edge.emit.packing.dsp.pack_pointwise_wide): weights [pairs of channels][steps] words of
 * four bytes w_even, w_odd, w_even, w_odd, requantize.bias the `wide` records of edge/dsp.h;
 * multiplier and shift are unused. For |acc| < 2^28, a twelfth slower than pairs in halfwords.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

static const edge_dsp_dots dots = {
    edge_dsp_dot_4x2_wide_once,
    edge_dsp_dot_4x2_wide_twice,
    edge_dsp_dot_1x2_wide_once,
    edge_dsp_dot_1x2_wide_twice,
};

void edge_dsp_pointwise_conv2d_wide_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                       void *out, void *scratch) {
    edge_dsp_convolve_pixels(descriptor, &dots, edge_row(in, y), out, scratch);
}

#endif
