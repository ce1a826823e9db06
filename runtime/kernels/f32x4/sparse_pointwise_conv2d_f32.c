/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution with a 1x1 kernel whose weights are mostly zeros, float32; the sums of
 * runtime/kernels/ref/linear_f32.c without the products with blocks of zeros, which change no bit
 * of finite sums (edge/f32.h).
 *
 * A block is `size` output channels (1, 2 or 4) of one input channel. A strip holds x as
 * float[in_c][32 / size] for so many pixels, or fewer in the last one, so that up to eight vectors
 * hold the sums of a row of blocks. Four output channels are transposed at a time into the pixels
 * of the output.
 *
 * Packing (edge.emit.packing.f32.pack_sparse): int32 size, then for each row of blocks int32 count
 * and `count` blocks of int32 offset of the input channel in the strip, in bytes, and float[size],
 * channels ascending. Rows
 * without blocks fill up a multiple of 4 output channels; the bias is as long.
 *
 * Scratch: the strip.
 */
#include "edge/kernels.h"
#include "product.h"

enum { QUAD = 4, MOST = 32, VECTORS = MOST / EDGE_F32X4_LANES };

typedef int32_t word __attribute__((may_alias));
typedef uint32_t unsigned_word __attribute__((may_alias));

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
            acc[o * vectors + v] += edge_f32x4_load(&x[4u * v]) * weight;
            EDGE_F32X4_KEEP(acc[o * vectors + v]);
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
        acc[i] = edge_f32x4_all(bias[channel + i / vectors]);
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

/* Four output channels. A function of its own for each constant: engines give small ones better
 * code. */
#define ROWS_OF(size, vectors)                                                                     \
    static __attribute__((noinline)) const char *rows_##size##_##vectors(                          \
        const char *w, const float *strip, const float *bias, quad *to) {                          \
        for (uint32_t channel = 0; channel < QUAD; channel += (size)) {                            \
            w = row_of_blocks(w, strip, bias, (size), (vectors), to, channel);                     \
        }                                                                                          \
        return w;                                                                                  \
    }
ROWS_OF(1, 1)
ROWS_OF(1, 2)
ROWS_OF(1, 3)
ROWS_OF(1, 4)
ROWS_OF(1, 5)
ROWS_OF(1, 6)
ROWS_OF(1, 7)
ROWS_OF(1, 8)
ROWS_OF(2, 1)
ROWS_OF(2, 2)
ROWS_OF(2, 3)
ROWS_OF(2, 4)
ROWS_OF(4, 1)
ROWS_OF(4, 2)

typedef const char *rows(const char *w, const float *strip, const float *bias, quad *to);

static rows *rows_for(int32_t size, int32_t vectors) {
    static rows *const of_size[][VECTORS] = {
        {rows_1_1, rows_1_2, rows_1_3, rows_1_4, rows_1_5, rows_1_6, rows_1_7, rows_1_8},
        {rows_2_1, rows_2_2, rows_2_3, rows_2_4},
        {rows_4_1, rows_4_2},
    };
    return of_size[size / 2][vectors - 1];
}

/* The strip float[depth][width] of `pixels` pixels; zeros fill their last vector. */
static void make_strip(const float *x, int32_t depth, int32_t pixels, int32_t width, float *strip) {
    for (int32_t p = 0; p < pixels; p += 4) {
        const float *from = x + p * depth;
        int32_t k = 0;
        for (; p + 4 <= pixels && k + 4 <= depth; k += 4) {
            edge_f32x4 row[4] = {edge_f32x4_load(from + k), edge_f32x4_load(from + depth + k),
                                 edge_f32x4_load(from + 2 * depth + k),
                                 edge_f32x4_load(from + 3 * depth + k)};
            edge_f32x4_transpose(row);
            for (int32_t i = 0; i < 4; i++) {
                edge_f32x4_store(strip + (k + i) * width + p, row[i]);
            }
        }
        for (; k < depth; k++) {
            for (int32_t i = 0; i < 4; i++) {
                strip[k * width + p + i] = p + i < pixels ? from[i * depth + k] : 0.0f;
            }
        }
    }
}

/* Channels, at most 4, of `pixels` outputs from their sums. */
static void store(const edge_linear_f32 *layer, const quad *from, int32_t pixels, float *out,
                  int32_t channels) {
    const edge_f32x4 minimum = edge_f32x4_all(layer->minimum);
    const edge_f32x4 maximum = edge_f32x4_all(layer->maximum);
    for (int32_t p = 0; p < pixels; p += 4) {
        edge_f32x4 row[4] = {edge_f32x4_load(&from->sum[0][p]), edge_f32x4_load(&from->sum[1][p]),
                             edge_f32x4_load(&from->sum[2][p]), edge_f32x4_load(&from->sum[3][p])};
        edge_f32x4_transpose(row);
        for (int32_t i = 0; i < 4 && p + i < pixels; i++, out += layer->out_c) {
            edge_f32x4_store_some(out, edge_f32x4_limited(row[i], minimum, maximum), channels);
        }
    }
}

void edge_f32x4_sparse_pointwise_conv2d_f32(const void *descriptor, const edge_rows *in, int32_t y,
                                            void *out, void *scratch) {
    const edge_linear_f32 *layer = descriptor;
    const int32_t size = *(const word *)layer->weights;
    const float *x = edge_row(in, y);
    float *to = out;
    EDGE_ASSERT(x != NULL);
    const int32_t width = MOST / size;
    for (int32_t left = layer->pixels; left > 0; left -= width) {
        const int32_t pixels = left < width ? left : width;
        rows *const four_channels = rows_for(size, (pixels + 3) / 4);
        const char *w = (const char *)layer->weights + 4;
        quad sums;
        make_strip(x, layer->in_c, pixels, width, scratch);
        for (int32_t oc = 0; oc < layer->out_c; oc += QUAD) {
            w = four_channels(w, scratch, layer->bias + oc, &sums);
            store(layer, &sums, pixels, to + oc, layer->out_c - oc);
        }
        x += pixels * layer->in_c;
        to += pixels * layer->out_c;
    }
}
