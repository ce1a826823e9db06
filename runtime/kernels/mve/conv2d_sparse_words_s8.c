/* SPDX-License-Identifier: Apache-2.0
 *
 * One output row of a convolution, int8, one group, of weights in blocks of 2 output channels x 4
 * taps, of which four are gathered at a time; see sparse_convolve.c.
 *
 * Packing (edge.emit.packing.mve_sparse.pack_words): weights are the stream and requantize.bias
 * the records of edge/mve_sparse.h; shift is NULL where ONCE has no shifts, multiplier is unused.
 *
 * Scratch: the strip, 64 bytes for each 16 taps.
 */
#include "edge/kernels.h"
#include "edge/mve_sparse.h"

#ifdef __ARM_FEATURE_MVE

static const edge_mve_sparse_routines routines = {
    edge_mve_sparse_2x4_once, edge_mve_sparse_2x4_shifted, edge_mve_sparse_2x4_twice};

void edge_mve_conv2d_sparse_words_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                     void *out, void *scratch) {
    edge_mve_sparse_convolve(descriptor, in, y, out, scratch, &routines);
}

#endif
