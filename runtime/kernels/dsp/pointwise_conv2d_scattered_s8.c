/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolution, int8, and linear layers, of single weights, most of them zero:
 *
 *     out[p][oc] = requantized bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *
 * in_c is a multiple of 4. Pixels are taken in order, up to 8 at a time, and read completely before
 * any of them is written.
 *
 * Packing (edge.emit.packing.dsp_scattered.pack_pointwise): weights are the stream of
 * edge/dsp_sparse.h; bias, multiplier and shift are unused.
 *
 * Scratch: the strip, 16 bytes an input channel.
 */
#include "edge/dsp_sparse.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

static const edge_dsp_scattered_form form = {
    {
        edge_dsp_scattered_2_once,
        edge_dsp_scattered_4_once,
        edge_dsp_scattered_6_once,
        edge_dsp_scattered_8_once,
    },
    {
        edge_dsp_scattered_2_twice,
        edge_dsp_scattered_4_twice,
        edge_dsp_scattered_6_twice,
        edge_dsp_scattered_8_twice,
    },
    edge_dsp_widen_duo,
    4,
    16,
};

void edge_dsp_pointwise_conv2d_scattered_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                            void *out, void *scratch) {
    edge_dsp_scattered_pixels(&form, descriptor, edge_row(in, y), out, scratch);
}

#endif
