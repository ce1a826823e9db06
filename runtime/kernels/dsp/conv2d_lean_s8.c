/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row, one group, in a quarter of the scratch of conv2d_s8.c: pixels
 * are made one at a time, see convolve_row.c. Packing as there.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

static const edge_dsp_dots dots = {
    NULL,
    NULL,
    edge_dsp_dot_1x2_pair_once,
    edge_dsp_dot_1x2_pair_twice,
};

void edge_dsp_conv2d_lean_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    edge_dsp_convolve_row(descriptor, &dots, in, y, out, scratch);
}

#endif
