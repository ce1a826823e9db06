/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row, one group: see convolve_row.c.
 *
 * Packing (edge.emit.packing.dsp.pack_conv2d): weights [pairs of channels][steps] words of two
 * halfwords w_even + 256 * w_odd, requantize.bias the `pair` records of edge/dsp.h; multiplier and
 * shift are unused. For |acc| < 2^23.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

static const edge_dsp_dots dots = {
    edge_dsp_dot_4x2_pair_once,
    edge_dsp_dot_4x2_pair_twice,
    edge_dsp_dot_1x2_pair_once,
    edge_dsp_dot_1x2_pair_twice,
};

void edge_dsp_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    edge_dsp_convolve_row(descriptor, &dots, in, y, out, scratch);
}

#endif
