/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row, one group: see convolve_row.c.
 *
 * Packing (edge.emit.packing.dsp.pack_conv2d_wide): weights [pairs of channels][steps] words of
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

void edge_dsp_conv2d_wide_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    edge_dsp_convolve_row(descriptor, &dots, in, y, out, scratch);
}

#endif
