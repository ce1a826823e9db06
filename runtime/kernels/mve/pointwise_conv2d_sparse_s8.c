/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolution, int8, and linear layers, of weights in blocks of 2 output channels x 16
 * taps; see sparse_transform.c.
 *
 * Packing (edge.emit.packing.mve_sparse.pack_conv2d): weights are the stream and requantize.bias
 * the records of edge/mve_sparse.h; shift is NULL where ONCE has no shifts, multiplier is unused.
 *
 * Scratch: the strip, 64 bytes for each 16 taps.
 */
#include "edge/kernels.h"
#include "edge/mve_sparse.h"

#ifdef __ARM_FEATURE_MVE

static const edge_mve_sparse_routines routines = {
    edge_mve_sparse_2x16_once, edge_mve_sparse_2x16_shifted, edge_mve_sparse_2x16_twice};

void edge_mve_pointwise_conv2d_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                         void *out, void *scratch) {
    const int8_t *from = edge_row(in, y);
    EDGE_ASSERT(from != NULL);
    edge_mve_sparse_transform(descriptor, from, out, scratch, &routines);
}

#endif
