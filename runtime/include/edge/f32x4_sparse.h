/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with a 1x1 kernel whose weights are mostly zeros, float32; the sums of
 * runtime/kernels/ref/linear_f32.c without the products with blocks of zeros, which change no bit
 * of finite sums (edge/f32.h).
 *
 * A block is `size` output channels (1, 2 or 4) of one input channel. A strip holds x as
 * float[in_c][32 / size] for so many pixels, or fewer in the last one, so that up to eight vectors
 * hold the sums of a row of blocks. Four output channels are transposed at a time into the pixels
 * of the output. More than 24 KB of strip and weights crowd the first level of cache, so deep
 * layers take so many input channels at a time and keep the sums of all output channels in between.
 *
 * Packing (edge.emit.packing.f32.pack_sparse): int32 size, then for each such part for each row of
 * blocks int32 count and `count` blocks of int32 offset of the input channel in the strip, in
 * bytes, and float[size], channels ascending. Single weights come four by four, float[4] and their
 * int32[4]; the last two may be two by two, and a zero fills up an odd number. Rows without blocks
 * fill up a multiple of 4 output channels; the bias is as long.
 *
 * Scratch: the strip, then in deep layers quads of sums for all output channels.
 */
#ifndef EDGE_F32X4_SPARSE_H
#define EDGE_F32X4_SPARSE_H

#include "edge/f32x4_product.h"

enum { QUAD = 4, MOST = 32, VECTORS = MOST / EDGE_F32X4_LANES, STRIP_BYTES = 24576 };

typedef int32_t word __attribute__((may_alias));
typedef uint32_t unsigned_word __attribute__((may_alias));
typedef uint64_t two_words __attribute__((may_alias, aligned(4)));

/* The sums of four output channels, float[4][32]. */
typedef struct {
    float sum[QUAD][MOST];
} quad;

/* Adds the products of one block. */
EDGE_F32X4_INLINE void add_block(const char *w, const char *strip, uint32_t size, uint32_t vectors,
                                 edge_f32x4 acc[VECTORS]) {
    const float *x = (const float *)(const void *)(strip + *(const unsigned_word *)w);
    const float *weights = (const float *)(const void *)w;
    EDGE_F32X4_KEEP(x);
    EDGE_F32X4_UNROLL
    for (uint32_t o = 0; o < size; o++) {
        const edge_f32x4 weight = edge_f32x4_splat(&weights[1u + o]);
        EDGE_F32X4_UNROLL
        for (uint32_t v = 0; v < vectors; v++) {
            const uint32_t i = o * vectors + v;
            acc[i] = edge_f32x4_madd(edge_f32x4_load(&x[4u * v]), weight, acc[i]);
            EDGE_F32X4_KEEP(acc[i]);
        }
    }
}

/* One row of blocks at `w`; `size` and `vectors` are constants. Returns the next row. */
EDGE_F32X4_INLINE const char *row_of_blocks(const char *w, const void *strip, const float *bias,
                                            uint32_t size, uint32_t vectors, quad *to,
                                            uint32_t channel) {
    const uint32_t bytes = 4u + 4u * size;
    edge_f32x4 acc[VECTORS];
    EDGE_F32X4_UNROLL
    for (uint32_t i = 0; i < size * vectors; i++) {
        acc[i] = bias != NULL
                     ? edge_f32x4_all(bias[channel + i / vectors])
                     : edge_f32x4_load(&to->sum[channel + i / vectors][4u * (i % vectors)]);
    }
    int32_t count = *(const word *)w;
    for (w += 4; count >= 2; count -= 2, w += 2u * bytes) {
        EDGE_F32X4_KEEP(w);
        add_block(w, strip, size, vectors, acc);
        add_block(w + bytes, strip, size, vectors, acc);
    }
    if (count > 0) {
        add_block(w, strip, size, vectors, acc);
        w += bytes;
    }
    EDGE_F32X4_UNROLL
    for (uint32_t i = 0; i < size * vectors; i++) {
        edge_f32x4_store(&to->sum[channel + i / vectors][4u * (i % vectors)], acc[i]);
    }
    return w;
}

/* Adds the products of one weight. */
EDGE_F32X4_INLINE void add_weight(const char *x, edge_f32x4 weight, uint32_t vectors,
                                  edge_f32x4 acc[VECTORS]) {
    EDGE_F32X4_UNROLL
    for (uint32_t v = 0; v < vectors; v++) {
        acc[v] = edge_f32x4_madd(edge_f32x4_load(x + 16u * v), weight, acc[v]);
        EDGE_F32X4_KEEP(acc[v]);
    }
}

/* Adds the products of two weights and their offsets. */
EDGE_F32X4_INLINE void add_two(edge_f32x4 weights, uint64_t offsets, const char *strip,
                               uint32_t vectors, edge_f32x4 acc[VECTORS]) {
    add_weight(strip + (uint32_t)offsets, __builtin_shufflevector(weights, weights, 0, 0, 0, 0),
               vectors, acc);
    add_weight(strip + (offsets >> 32), __builtin_shufflevector(weights, weights, 1, 1, 1, 1),
               vectors, acc);
}

/* Adds the products of four weights. One load brings all of them, two their offsets: loads are what
 * CPUs are short of here. */
EDGE_F32X4_INLINE void add_four(const char *w, const char *strip, uint32_t vectors,
                                edge_f32x4 acc[VECTORS]) {
    edge_f32x4 weights = edge_f32x4_load(w);
    const uint64_t first = *(const two_words *)(const void *)(w + 16);
    const uint64_t second = *(const two_words *)(const void *)(w + 24);
    EDGE_F32X4_KEEP(weights);
    add_two(weights, first, strip, vectors, acc);
    add_two(__builtin_shufflevector(weights, weights, 2, 3, 2, 3), second, strip, vectors, acc);
}

/* The weights of one output channel at `w`; `vectors` is a constant. A sum starts at the bias, or
 * goes on without one. Returns the next row. */
EDGE_F32X4_INLINE const char *row_of_weights(const char *w, const void *strip, const float *bias,
                                             uint32_t vectors, float *to) {
    edge_f32x4 acc[VECTORS];
    EDGE_F32X4_UNROLL
    for (uint32_t v = 0; v < vectors; v++) {
        acc[v] = bias != NULL ? edge_f32x4_all(*bias) : edge_f32x4_load(to + 4u * v);
    }
    int32_t count = *(const word *)w;
    for (w += 4; count >= 4; count -= 4, w += 32) {
        add_four(w, strip, vectors, acc);
    }
    if (count > 0) {
        add_two(edge_f32x4_load(w), *(const two_words *)(const void *)(w + 8), strip, vectors, acc);
        w += 16;
    }
    EDGE_F32X4_UNROLL
    for (uint32_t v = 0; v < vectors; v++) {
        edge_f32x4_store(to + 4u * v, acc[v]);
    }
    return w;
}

/* Four output channels. A function of its own for each constant: engines give small ones better
 * code. */
#define SINGLES_OF(vectors)                                                                        \
    static __attribute__((noinline)) const char *rows_1_##vectors(                                 \
        const char *w, const float *strip, const float *bias, quad *to) {                          \
        for (uint32_t channel = 0; channel < QUAD; channel++) {                                    \
            w = row_of_weights(w, strip, bias != NULL ? bias + channel : NULL, (vectors),          \
                               to->sum[channel]);                                                  \
        }                                                                                          \
        return w;                                                                                  \
    }
#define ROWS_OF(size, vectors)                                                                     \
    static __attribute__((noinline)) const char *rows_##size##_##vectors(                          \
        const char *w, const float *strip, const float *bias, quad *to) {                          \
        for (uint32_t channel = 0; channel < QUAD; channel += (size)) {                            \
            w = row_of_blocks(w, strip, bias, (size), (vectors), to, channel);                     \
        }                                                                                          \
        return w;                                                                                  \
    }
SINGLES_OF(1)
SINGLES_OF(2)
SINGLES_OF(3)
SINGLES_OF(4)
SINGLES_OF(5)
SINGLES_OF(6)
SINGLES_OF(7)
SINGLES_OF(8)
ROWS_OF(2, 1)
ROWS_OF(2, 2)
ROWS_OF(2, 3)
ROWS_OF(2, 4)
ROWS_OF(4, 1)
ROWS_OF(4, 2)

typedef const char *rows(const char *w, const float *strip, const float *bias, quad *to);

static inline rows *rows_for(int32_t size, int32_t vectors) {
    static rows *const of_size[][VECTORS] = {
        {rows_1_1, rows_1_2, rows_1_3, rows_1_4, rows_1_5, rows_1_6, rows_1_7, rows_1_8},
        {rows_2_1, rows_2_2, rows_2_3, rows_2_4},
        {rows_4_1, rows_4_2},
    };
    return of_size[size / 2][vectors - 1];
}
/* Four values of each of four pixels, `step` floats apart, into four rows of a strip. */
EDGE_F32X4_INLINE void turn_in(const float *from, int32_t step, int32_t width, float *strip) {
    edge_f32x4 row[4] = {edge_f32x4_load(from), edge_f32x4_load(from + step),
                         edge_f32x4_load(from + 2 * step), edge_f32x4_load(from + 3 * step)};
    edge_f32x4_transpose(row);
    edge_f32x4_store(strip, row[0]);
    edge_f32x4_store(strip + width, row[1]);
    edge_f32x4_store(strip + 2 * width, row[2]);
    edge_f32x4_store(strip + 3 * width, row[3]);
}

/* Values k and up of four pixels, of which `pixels` are there; zeros stand for the others. */
static inline void copy_in(const float *from, int32_t step, int32_t k, int32_t depth,
                           int32_t pixels, int32_t width, float *strip) {
    for (; k < depth; k++) {
        for (int32_t i = 0; i < 4; i++) {
            strip[k * width + i] = i < pixels ? from[i * step + k] : 0.0f;
        }
    }
}

/* The strip float[depth][width] of `pixels` pixels; `width` is a constant. */
EDGE_F32X4_INLINE void fill_strip(const float *x, int32_t step, int32_t depth, int32_t pixels,
                                  int32_t width, float *strip) {
    for (int32_t p = 0; p < pixels; p += 4, x += 4 * step, strip += 4) {
        int32_t k = 0;
        if (p + 4 <= pixels) {
            const float *from = x;
            float *to = strip;
            for (; k + 4 <= depth; k += 4, from += 4, to += 4 * width) {
                turn_in(from, step, width, to);
            }
        }
        copy_in(x, step, k, depth, pixels - p, width, strip);
    }
}

static __attribute__((noinline)) void make_strip(const float *x, int32_t step, int32_t depth,
                                                 int32_t pixels, int32_t width, float *strip) {
    if (width == MOST) {
        fill_strip(x, step, depth, pixels, MOST, strip);
    } else {
        fill_strip(x, step, depth, pixels, width, strip);
    }
}

/* Four channels of four pixels from their sums, float[4][32], into row[pixel]. */
EDGE_F32X4_INLINE void turn_out(const edge_linear_f32 *layer, const float *from,
                                edge_f32x4 row[4]) {
    const edge_f32x4 minimum = edge_f32x4_all(layer->minimum);
    const edge_f32x4 maximum = edge_f32x4_all(layer->maximum);
    EDGE_F32X4_UNROLL
    for (int32_t i = 0; i < 4; i++) {
        const edge_f32x4 sum = edge_f32x4_finished(edge_f32x4_load(from + i * MOST));
        row[i] = edge_f32x4_limited(sum, minimum, maximum);
    }
    edge_f32x4_transpose(row);
}

/* Channels, at most 4, of `pixels` outputs from their sums. */
static __attribute__((noinline)) void store(const edge_linear_f32 *layer, const quad *from,
                                            int32_t pixels, float *out, int32_t channels) {
    const int32_t step = layer->out_c, full = channels < 4 ? 0 : pixels & ~3;
    const float *sums = from->sum[0];
    edge_f32x4 row[4];
    int32_t p = 0;
    for (; p < full; p += 4, out += 4 * step, sums += 4) {
        turn_out(layer, sums, row);
        edge_f32x4_store(out, row[0]);
        edge_f32x4_store(out + step, row[1]);
        edge_f32x4_store(out + 2 * step, row[2]);
        edge_f32x4_store(out + 3 * step, row[3]);
    }
    for (; p < pixels; p += 4, sums += 4) {
        turn_out(layer, sums, row);
        for (int32_t i = 0; i < 4 && p + i < pixels; i++, out += step) {
            edge_f32x4_store_some(out, row[i], channels);
        }
    }
}

/* A layer at its weights. */
typedef struct {
    const edge_linear_f32 *layer;
    const char *w;
    float *strip;
    quad *sums;
    int32_t size, width, most; /* output channels of a block; pixels and depth of a strip */
} progress;

/* `depth` input channels from k on of all outputs of a strip. */
static inline void add_part(progress *at, const float *x, int32_t k, int32_t depth, int32_t pixels,
                            float *to) {
    const edge_linear_f32 *layer = at->layer;
    rows *const four_channels = rows_for(at->size, (pixels + 3) / 4);
    quad only;
    make_strip(x + k, layer->in_c, depth, pixels, at->width, at->strip);
    for (int32_t oc = 0; oc < layer->out_c; oc += QUAD) {
        quad *sums = layer->in_c > at->most ? &at->sums[oc / QUAD] : &only;
        at->w = four_channels(at->w, at->strip, k == 0 ? layer->bias + oc : NULL, sums);
        if (k + depth == layer->in_c) {
            store(layer, sums, pixels, to + oc, layer->out_c - oc);
        }
    }
}

static inline void edge_f32x4_multiply_sparse(const edge_linear_f32 *layer, const edge_rows *in,
                                              int32_t y, float *to, float *scratch) {
    const int32_t size = *(const word *)layer->weights, width = MOST / size;
    const int32_t most = STRIP_BYTES / 4 / width;
    progress at = {layer, NULL,  scratch, (quad *)(void *)(scratch + most * width),
                   size,  width, most};
    const float *x = edge_row(in, y);
    EDGE_ASSERT(x != NULL);
    for (int32_t left = layer->pixels; left > 0; left -= width) {
        const int32_t pixels = left < width ? left : width;
        at.w = (const char *)layer->weights + 4;
        for (int32_t k = 0; k < layer->in_c; k += most) {
            const int32_t depth = layer->in_c - k;
            add_part(&at, x, k, depth < most ? depth : most, pixels, to);
        }
        x += pixels * layer->in_c;
        to += pixels * layer->out_c;
    }
}

#endif
