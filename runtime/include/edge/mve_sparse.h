/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse convolution for Arm's M-profile vector extension: blocks of 2 output channels x 16 taps or
 * x 4, of which only those with a nonzero weight are stored. Arithmetic is that of edge/mve.h.
 *
 * Strips hold 4 pixels: vectors of 16 taps of each, [vectors][4 pixels][16]. Where there are fewer
 * pixels the last one is repeated. What lies beyond the last tap meets weights of 0.
 *
 * Stream of 2x16: for each pair of channels a byte, (number of its blocks) % 4, its blocks, and
 * 255. A block is a byte, the vector of its taps, and 16 weights of the even and 16 of the odd
 * channel.
 *
 * Stream of 2x4: for each pair of channels uint16 count, then count times four uint16, the bytes
 * from the strip to the taps of four blocks in pixel 0, and the 16 weights of the even channel and
 * of the odd one. The strip reaches to byte 65535.
 *
 * Records: for each pair of channels two start values, two multipliers and, except in `once`, two
 * shifts -e.
 */
#ifndef EDGE_MVE_SPARSE_H
#define EDGE_MVE_SPARSE_H

#include "edge/mve.h"

#define EDGE_MVE_STRIP_PIXELS 4

typedef struct {
    const uint8_t *stream;
    const int8_t *strip;
    const int32_t *records;
    int8_t *out;          /* of pixel 0 */
    int8_t *end;          /* out + channels, which are even */
    int32_t distances[4]; /* bytes from the outputs of pixel 0 to those of each */
    int32_t zero_point;
} edge_mve_sparse;

typedef void edge_mve_sparse_routine(const edge_mve_sparse *sparse);
edge_mve_sparse_routine edge_mve_sparse_2x16_once;
edge_mve_sparse_routine edge_mve_sparse_2x16_shifted;
edge_mve_sparse_routine edge_mve_sparse_2x16_twice;
edge_mve_sparse_routine edge_mve_sparse_2x4_once;
edge_mve_sparse_routine edge_mve_sparse_2x4_shifted;
edge_mve_sparse_routine edge_mve_sparse_2x4_twice;

/* The routine of a block for each way of rounding. */
typedef struct {
    edge_mve_sparse_routine *once, *shifted, *twice;
} edge_mve_sparse_routines;

/* One pixel times groups of 4 channels, in blocks of 4 channels x 4 taps. Stream: for each group
 * uint8 count, then count times 4 bytes, words of the pixel, and for each channel 16 weights. */
typedef struct {
    const int8_t *in;       /* 4-byte aligned */
    const int32_t *records; /* as in edge/mve.h */
    const uint8_t *stream;
    int8_t *out;
    int32_t channels;
    int32_t zero_point;
} edge_mve_gather;

typedef void edge_mve_gather_routine(const edge_mve_gather *gather);
edge_mve_gather_routine edge_mve_gather_4x4_once;
edge_mve_gather_routine edge_mve_gather_4x4_shifted;
edge_mve_gather_routine edge_mve_gather_4x4_twice;

/* conv2d and linear layers; their contracts are those of edge.h. `strip` is the scratch. */
void edge_mve_sparse_convolve(const edge_conv2d *layer, const edge_rows *in, int32_t y, int8_t *out,
                              int8_t *strip, const edge_mve_sparse_routines *routines);
void edge_mve_sparse_transform(const edge_linear *layer, const int8_t *in, int8_t *out,
                               int8_t *strip, const edge_mve_sparse_routines *routines);

/* A layer's outputs of one strip after the other. */
typedef struct {
    const edge_requantize *q;
    const void *stream;
    const int8_t *strip;
    int32_t channels;
    edge_mve_sparse_routine *routine;
} edge_mve_sparse_product;

static inline edge_mve_sparse_routine *
edge_mve_sparse_chosen(const edge_mve_sparse_routines *routines, const edge_requantize *q) {
    if (q->rounding != EDGE_ROUND_ONCE) {
        return routines->twice;
    }
    return edge_mve_has_shifts(q) ? routines->shifted : routines->once;
}

/* Missing pixels repeat the last one, in the strip and here. */
static inline void edge_mve_sparse_multiply(const edge_mve_sparse_product *product, int8_t *out,
                                            int32_t pixels) {
    const int32_t channels = product->channels;
    edge_mve_sparse sparse = {product->stream, product->strip, product->q->bias,      out,
                              out + channels,  {0, 0, 0, 0},   product->q->zero_point};
    for (int32_t p = 1; p < EDGE_MVE_STRIP_PIXELS; p++) {
        sparse.distances[p] = (p < pixels ? p : pixels - 1) * channels;
    }
    product->routine(&sparse);
}

#ifdef __ARM_FEATURE_MVE

/* `bytes` of a pixel, from a whole vector of its taps on. */
static inline void edge_mve_strip(int8_t *to, const int8_t *from, int32_t bytes) {
    __asm__ volatile("wlstp.8 lr, %2, 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%0], #16\n\t"
                     "vstrb.8 q0, [%1], #64\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(from), "+r"(to)
                     : "r"(bytes)
                     : "q0", "lr", "memory");
}

static inline void edge_mve_strip_fill(int8_t *to, int32_t value, int32_t bytes) {
    __asm__ volatile("vdup.8 q0, %1\n\t"
                     "wlstp.8 lr, %2, 2f\n"
                     "1:\n\t"
                     "vstrb.8 q0, [%0], #64\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(to)
                     : "r"(value), "r"(bytes)
                     : "q0", "lr", "memory");
}

#endif
#endif
