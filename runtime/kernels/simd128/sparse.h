/* SPDX-License-Identifier: Apache-2.0
 *
 * Dot products of pixels with rows of blocks of weights, of which only those that are not all zero
 * are stored. A block is `height` output channels by a pair of inputs; a strip is 4 * `vectors`
 * pixels, whose inputs lie as int16 in pairs: [pairs][4 * vectors][2]; height * vectors = 8.
 *
 * Weights, for each row of blocks, numbers little endian and unaligned:
 *
 *     uint16  count
 *     uint8   blocks skipped before each; wider gaps are bridged by blocks of zeros
 *     int8    [count][height][2]
 *
 * Constants are records (scale.h) of 4 channels each, two for each 8 channels. Rows whose records
 * are float multiply their weights by 2^8.
 *
 * Pixels are taken in groups of strips. For each group a row of blocks is unpacked once: its
 * weights widened, its columns made offsets into a strip, and its constants repeated for each
 * channel of the row.
 *
 * Scratch: records of a row, offsets, widened weights, strips; see edge_simd_sparse_of.
 */
#ifndef EDGE_SIMD128_SPARSE_H
#define EDGE_SIMD128_SPARSE_H

#include "dot.h"

/* Constants of a kernel, known to the compiler. */
typedef struct {
    int32_t height, vectors;
} edge_simd_shape;

static const edge_simd_shape EDGE_SIMD_QUADS = {4, 2}, EDGE_SIMD_DUOS = {2, 4};

typedef struct {
    const uint8_t *weights;
    const int32_t *records;
    edge_simd_output output;
    int32_t depth;    /* inputs of a pixel, a multiple of 8 */
    int32_t channels; /* of the output */
    int32_t group;    /* strips of a group */
    int32_t *lanes;   /* records of the channels of a row, in scratch */
    int32_t *offsets; /* bytes from the beginning of a strip, in scratch */
    int16_t *wide;    /* weights of a row, in scratch */
    int16_t *strips;  /* in scratch */
} edge_simd_sparse;

EDGE_SIMD_INLINE int32_t edge_simd_strip_pixels(edge_simd_shape shape) {
    return EDGE_SIMD_PIXELS * shape.vectors;
}

/* Strips of a group of at most `pixels`. */
static inline int32_t edge_simd_sparse_strips(edge_simd_shape shape, int32_t depth,
                                              int32_t pixels) {
    const int32_t each = edge_simd_strip_pixels(shape);
    const int32_t wanted = (pixels + each - 1) / each;
    const int32_t room = EDGE_SIMD_STRIP_BYTES / (2 * each * depth);
    const int32_t most = EDGE_SIMD_STRIPS * EDGE_SIMD_PIXELS / each;
    const int32_t some = room < 1 ? 1 : room < most ? room : most;
    return wanted < some ? wanted : some;
}

/* `pixels`: of one call of the kernel. */
static inline edge_simd_sparse edge_simd_sparse_of(edge_simd_shape shape, const void *weights,
                                                   const edge_requantize *q, int32_t inputs,
                                                   int32_t channels, int32_t pixels,
                                                   void *scratch) {
    const int32_t depth = edge_simd_depth(inputs);
    int32_t *const lanes = scratch, *const offsets = lanes + EDGE_SIMD_RECORD * shape.height;
    int16_t *const wide = (int16_t *)(offsets + depth / 2);
    const edge_simd_sparse sparse = {weights,
                                     q->bias,
                                     edge_simd_output_of(q->zero_point, q->minimum, q->maximum),
                                     depth,
                                     channels,
                                     edge_simd_sparse_strips(shape, depth, pixels),
                                     lanes,
                                     offsets,
                                     wide,
                                     wide + shape.height * depth};
    return sparse;
}

/* What lies in scratch after the strips of a group. */
static inline int8_t *edge_simd_after_sparse_strips(edge_simd_shape shape,
                                                    const edge_simd_sparse *sparse) {
    const int32_t strip = edge_simd_strip_pixels(shape) * sparse->depth;
    return (int8_t *)(sparse->strips + strip * sparse->group);
}

/* Vectors of the strip that begins when `left` pixels remain. */
EDGE_SIMD_INLINE int32_t edge_simd_vectors(edge_simd_shape shape, int32_t left) {
    int32_t vectors = shape.vectors;
    while (vectors > 1 && left <= EDGE_SIMD_PIXELS * vectors / 2) {
        vectors /= 2;
    }
    return vectors;
}

/* Where the inputs of pixel p of a source are: `depth` bytes, possibly those at `copy`. */
typedef const int8_t *edge_simd_column(const void *source, int32_t p, int8_t *copy);

/* The strips of a group of pixels from `first` on. Missing pixels repeat the last one, or hold
 * anything. Copies lie behind the strips. */
EDGE_SIMD_INLINE void edge_simd_make_strips(edge_simd_shape shape, const edge_simd_sparse *sparse,
                                            edge_simd_column *column, const void *source,
                                            int32_t first, int32_t pixels) {
    const int32_t most = edge_simd_strip_pixels(shape);
    int8_t *const copies = edge_simd_after_sparse_strips(shape, sparse);
    for (int32_t p = 0; p < pixels; p += EDGE_SIMD_PIXELS) {
        const int32_t begin = p / most * most;
        const int32_t step = EDGE_SIMD_STEP * edge_simd_vectors(shape, pixels - begin);
        const int8_t *pixel[EDGE_SIMD_PIXELS];
        for (int32_t i = 0; i < EDGE_SIMD_PIXELS; i++) {
            const int32_t at = p + i < pixels ? p + i : pixels - 1;
            pixel[i] = column(source, first + at, copies + i * sparse->depth);
        }
        edge_simd_strip_4(sparse->strips + begin * sparse->depth + 2 * (p - begin), step, pixel,
                          sparse->depth);
    }
}

/* Pixels of the next group when `left` remain. With `one` a single last one is left over. */
EDGE_SIMD_INLINE int32_t edge_simd_sparse_group(edge_simd_shape shape,
                                                const edge_simd_sparse *sparse, int32_t left,
                                                int one) {
    const int32_t each = edge_simd_strip_pixels(shape), most = each * sparse->group;
    if (left > most) {
        return most;
    }
    return one && left > 1 && left % each == 1 ? left - 1 : left;
}

/* Multiplies the pixels in the strips with all rows. */
typedef void edge_simd_sparse_multiply(const edge_simd_sparse *sparse, int32_t pixels, int8_t *to);

edge_simd_sparse_multiply edge_simd128_sparse_quads, edge_simd128_sparse_duos;

/* One pixel, whose strip is [pairs][2]. */
typedef void edge_simd_sparse_multiply_1(const edge_simd_sparse *sparse, int8_t *to);

edge_simd_sparse_multiply_1 edge_simd128_sparse_quads_1;

/* What a kernel is made of; multiply_1 may be NULL. */
typedef struct {
    edge_simd_shape shape;
    edge_simd_sparse_multiply *multiply;
    edge_simd_sparse_multiply_1 *multiply_1;
} edge_simd_sparse_kernel;

/* All channels of the pixels of a source. */
EDGE_SIMD_INLINE void edge_simd_sparse_run(edge_simd_sparse_kernel kernel,
                                           const edge_simd_sparse *sparse, edge_simd_column *column,
                                           const void *source, int32_t pixels, int8_t *to) {
    const int one = kernel.multiply_1 != NULL;
    for (int32_t p = 0, count; p < pixels; p += count, to += count * sparse->channels) {
        count = edge_simd_sparse_group(kernel.shape, sparse, pixels - p, one);
        if (one && count == 1) {
            int8_t *const copy = edge_simd_after_sparse_strips(kernel.shape, sparse);
            edge_simd_strip_1(sparse->strips, column(source, p, copy), sparse->depth);
            kernel.multiply_1(sparse, to);
        } else {
            edge_simd_make_strips(kernel.shape, sparse, column, source, p, count);
            kernel.multiply(sparse, count, to);
        }
    }
}

#endif
