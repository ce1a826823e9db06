/* SPDX-License-Identifier: Apache-2.0
 *
 * Strips of sparse convolutions (edge/dsp_sparse.h) for any number of pixels: 6, 4, 3 or 1, or 5 or
 * 2 whose last pixel is made twice.
 */
#include "edge/dsp_sparse.h"

#ifdef __ARM_FEATURE_DSP

/* Of 7, 8 and 14 pixels the last 4 take a strip of their own: the others fill theirs better. */
int32_t edge_dsp_sparse_pixels(int32_t left) {
    return left == 7 || left == 8 ? 4 : left < 6 ? left : 6;
}

void *edge_dsp_sparse_widen(void *strip, const int8_t *in, int32_t pitch, int32_t words,
                            int32_t pixels) {
    const int32_t last = (pixels - 1) * pitch;
    switch (pixels) {
    case 1:
        return edge_dsp_widen_1x1(strip, in, words);
    case 4:
        return edge_dsp_widen_4x1(strip, in, pitch, words);
    default:
        return (pixels > 4 ? edge_dsp_widen_6x1 : edge_dsp_widen_3x1)(strip, in, pitch, words,
                                                                      last);
    }
}

/* By the pixels of a strip, from 1 on. */
static edge_dsp_sparse_routine *const once[] = {
    edge_dsp_sparse_1_once, edge_dsp_sparse_3_once, edge_dsp_sparse_3_once,
    edge_dsp_sparse_4_once, edge_dsp_sparse_6_once, edge_dsp_sparse_6_once,
};
static edge_dsp_sparse_routine *const twice[] = {
    edge_dsp_sparse_1_twice, edge_dsp_sparse_3_twice, edge_dsp_sparse_3_twice,
    edge_dsp_sparse_4_twice, edge_dsp_sparse_6_twice, edge_dsp_sparse_6_twice,
};

void edge_dsp_sparse_multiply(const void *strip, const void *stream, const edge_requantize *q,
                              int8_t *out, int32_t channels, int32_t pixels) {
    const edge_dsp_sparse sparse = {
        stream,   strip,        2 * q->zero_point + 1,   out,
        channels, 3 * channels, (pixels - 1) * channels, out + channels,
    };
    (q->rounding == EDGE_ROUND_ONCE ? once : twice)[pixels - 1](&sparse);
}

#endif
