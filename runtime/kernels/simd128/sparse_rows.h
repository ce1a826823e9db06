/* SPDX-License-Identifier: Apache-2.0
 *
 * A row of blocks (sparse.h) times the strips of a group. It keeps height * vectors = 8
 * accumulators, each of 4 pixels and one channel: an input is multiplied with all channels of the
 * block, a pair of weights with all pixels of the strip. Strips at the end are half or a quarter as
 * wide.
 */
#ifndef EDGE_SIMD128_SPARSE_ROWS_H
#define EDGE_SIMD128_SPARSE_ROWS_H

#include "sparse.h"

enum { EDGE_SIMD_ACCUMULATORS = 8 };

/* A row of blocks, unpacked. By value, so that nothing is loaded again after a store. */
typedef struct {
    const int32_t *lanes;   /* records of its channels */
    const int32_t *offsets; /* of its blocks */
    const int32_t *end;     /* of the offsets */
    const int16_t *wide;
    edge_simd_output output;
    int32_t channels; /* that are left from the first of the row on */
    int32_t pitch;    /* bytes from a pixel's outputs to the next one's */
} edge_simd_row;

/* Whether the records of the row of blocks from `channel` on are float. */
static inline int edge_simd_row_is_float(const edge_simd_sparse *sparse, int32_t channel) {
    return sparse->records[channel / 4 * EDGE_SIMD_RECORD + EDGE_SIMD_IS_FLOAT];
}

/* The record of one lane of a record of 4 channels, in all lanes. */
static inline void edge_simd_lane_record(int32_t *to, const int32_t *record, int32_t lane) {
    for (int32_t i = 0; i < EDGE_SIMD_RECORD - 4; i += 4) {
        wasm_v128_store(to + i, wasm_v128_load32_splat(record + i + lane));
    }
    wasm_v128_store(to + EDGE_SIMD_RECORD - 4, wasm_v128_load(record + EDGE_SIMD_RECORD - 4));
}

/* Blocks of the row at `weights`. */
static inline int32_t edge_simd_count(const uint8_t *weights) {
    return weights[0] | weights[1] << 8;
}

/* Unpacks the row of blocks at `weights` whose first channel is `channel`; returns the next one. */
EDGE_SIMD_INLINE const uint8_t *edge_simd_unpack(edge_simd_shape shape,
                                                 const edge_simd_sparse *sparse,
                                                 const uint8_t *weights, int32_t channel,
                                                 edge_simd_form form) {
    const int32_t size = 2 * shape.height;
    const int32_t count = edge_simd_count(weights);
    const uint8_t *const skipped = weights + 2;
    const int8_t *const data = (const int8_t *)skipped + count;
    const int32_t *const record = sparse->records + channel / 4 * EDGE_SIMD_RECORD;
    const int32_t block_bytes = 4 * edge_simd_strip_pixels(shape);
    for (int32_t i = 0, offset = 0; i < count; i++, offset += block_bytes) {
        offset += skipped[i] * block_bytes;
        sparse->offsets[i] = offset;
    }
    int32_t i = 0;
    for (; i + 8 <= count * size; i += 8) {
        wasm_v128_store(sparse->wide + i, edge_simd_weights(data + i, form));
    }
    for (; i < count * size; i++) {
        sparse->wide[i] =
            (int16_t)(form == EDGE_SIMD_FLOAT ? data[i] * (1 << EDGE_SIMD_FRACTION_BITS) : data[i]);
    }
    for (int32_t c = 0; c < shape.height; c++) {
        edge_simd_lane_record(sparse->lanes + c * EDGE_SIMD_RECORD, record, channel % 4 + c);
    }
    return (const uint8_t *)data + count * size;
}

/* The accumulators of a strip of 4 * vectors pixels, [height][vectors]. */
EDGE_SIMD_INLINE void edge_simd_sum(edge_simd_shape shape, const edge_simd_row *row,
                                    const int16_t *strip, int32_t vectors, v128_t *acc) {
    const int16_t *w = row->wide;
    for (int32_t i = 0; i < shape.height * vectors; i++) {
        acc[i] = wasm_v128_load(row->lanes + i / vectors * EDGE_SIMD_RECORD);
    }
#pragma clang loop unroll(disable)
    for (const int32_t *offset = row->offsets; offset < row->end; offset++, w += 2 * shape.height) {
        const char *x =
            (const char *)strip + (uint32_t)*offset / (uint32_t)(shape.vectors / vectors);
        v128_t inputs[EDGE_SIMD_ACCUMULATORS];
        /* Hides that w steps through the loop; see edge_simd_block_4. */
        __asm__ volatile("" : "+r"(x), "+r"(w));
        for (int32_t v = 0; v < vectors; v++) {
            inputs[v] = wasm_v128_load(x + 16 * v);
        }
        for (int32_t c = 0; c < shape.height; c++) {
            const v128_t weight = wasm_v128_load32_splat(w + 2 * c);
            for (int32_t v = 0; v < vectors; v++) {
                v128_t *const sum = acc + c * vectors + v;
                *sum = wasm_i32x4_add(*sum, wasm_i32x4_dot_i16x8(inputs[v], weight));
            }
        }
    }
}

/* Accumulators scaled in place. */
EDGE_SIMD_INLINE void edge_simd_scale_row(edge_simd_shape shape, const edge_simd_row *row,
                                          int32_t vectors, edge_simd_form form, v128_t *acc) {
    for (int32_t c = 0; c < shape.height; c++) {
        v128_t *const sums = acc + c * vectors;
        const int32_t *const k = edge_simd_record_after(row->lanes + c * EDGE_SIMD_RECORD, sums);
        for (int32_t v = 0; v < vectors; v++) {
            sums[v] = edge_simd_scale(sums[v], k, form);
        }
    }
}

/* Bytes of the lower, or the upper, halves by turns: single instructions, unlike other shuffles. */
EDGE_SIMD_INLINE v128_t edge_simd_low_bytes(v128_t a, v128_t b) {
    return wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

EDGE_SIMD_INLINE v128_t edge_simd_high_bytes(v128_t a, v128_t b) {
    return wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

EDGE_SIMD_INLINE v128_t edge_simd_swapped(v128_t a) {
    return wasm_i64x2_shuffle(a, a, 1, 0);
}

/* Outputs of 4 channels, [4][vectors], as int8[4 * vectors pixels][4]. */
EDGE_SIMD_INLINE void edge_simd_quads_by_pixel(const edge_simd_output *output, const v128_t *acc,
                                               int32_t vectors, edge_simd_form form,
                                               v128_t made[2]) {
    v128_t low, high;
    if (vectors == 1) {
        const v128_t a = edge_simd_stored(output, acc[0], acc[2], acc[1], acc[3], form);
        low = edge_simd_low_bytes(a, edge_simd_swapped(a));
        high = edge_simd_swapped(low);
    } else {
        const v128_t a = edge_simd_stored(output, acc[0], acc[1], acc[4], acc[5], form);
        const v128_t b = edge_simd_stored(output, acc[2], acc[3], acc[6], acc[7], form);
        low = edge_simd_low_bytes(a, b);
        high = edge_simd_high_bytes(a, b);
    }
    made[0] = wasm_i16x8_shuffle(low, high, 0, 8, 1, 9, 2, 10, 3, 11);
    made[1] = wasm_i16x8_shuffle(low, high, 4, 12, 5, 13, 6, 14, 7, 15);
}

/* Outputs of 2 channels, [2][vectors], as int8[4 * vectors pixels][2]. */
EDGE_SIMD_INLINE void edge_simd_duos_by_pixel(const edge_simd_output *output, const v128_t *acc,
                                              int32_t vectors, edge_simd_form form,
                                              v128_t made[2]) {
    const int32_t second = vectors > 1; /* accumulator, or again the first */
    const v128_t a = edge_simd_stored(output, acc[0], acc[second], acc[second ? 2 : 1],
                                      acc[second ? 3 : 1], form);
    v128_t b = edge_simd_swapped(a);
    if (vectors == 4) {
        b = edge_simd_stored(output, acc[4], acc[5], acc[6], acc[7], form);
    }
    made[0] = edge_simd_low_bytes(a, b);
    made[1] = edge_simd_high_bytes(a, b);
}

/* 4 pixels of 4 channels. */
EDGE_SIMD_INLINE void edge_simd_store_quads(v128_t made, int32_t pitch, int8_t *to) {
    wasm_v128_store32_lane(to, made, 0);
    wasm_v128_store32_lane(to + pitch, made, 1);
    wasm_v128_store32_lane(to + 2 * pitch, made, 2);
    wasm_v128_store32_lane(to + 3 * pitch, made, 3);
}

/* 8 pixels of 2 channels. */
EDGE_SIMD_INLINE void edge_simd_store_duos(v128_t made, int32_t pitch, int8_t *to) {
    wasm_v128_store16_lane(to, made, 0);
    wasm_v128_store16_lane(to + pitch, made, 1);
    wasm_v128_store16_lane(to + 2 * pitch, made, 2);
    wasm_v128_store16_lane(to + 3 * pitch, made, 3);
    wasm_v128_store16_lane(to + 4 * pitch, made, 4);
    wasm_v128_store16_lane(to + 5 * pitch, made, 5);
    wasm_v128_store16_lane(to + 6 * pitch, made, 6);
    wasm_v128_store16_lane(to + 7 * pitch, made, 7);
}

/* A strip of shape.vectors and all channels of the row. */
EDGE_SIMD_INLINE void edge_simd_store_strip(edge_simd_shape shape, const v128_t made[2],
                                            int32_t pitch, int8_t *to) {
    if (shape.height == 4) {
        edge_simd_store_quads(made[0], pitch, to);
        edge_simd_store_quads(made[1], pitch, to + 4 * pitch);
    } else {
        edge_simd_store_duos(made[0], pitch, to);
        edge_simd_store_duos(made[1], pitch, to + 8 * pitch);
    }
}

static inline void edge_simd_store_some(const v128_t made[2], int32_t height, int32_t channels,
                                        int32_t pixels, int32_t pitch, int8_t *to) {
    int8_t bytes[32];
    wasm_v128_store(bytes, made[0]);
    wasm_v128_store(bytes + 16, made[1]);
    for (int32_t p = 0; p < pixels; p++) {
        for (int32_t c = 0; c < channels; c++) {
            to[p * pitch + c] = bytes[p * height + c];
        }
    }
}

EDGE_SIMD_INLINE void edge_simd_strip_of_row(edge_simd_shape shape, const edge_simd_row *row,
                                             const int16_t *strip, int32_t vectors,
                                             edge_simd_form form, int32_t pixels, int8_t *to) {
    v128_t acc[EDGE_SIMD_ACCUMULATORS], made[2];
    edge_simd_sum(shape, row, strip, vectors, acc);
    edge_simd_scale_row(shape, row, vectors, form, acc);
    if (shape.height == 4) {
        edge_simd_quads_by_pixel(&row->output, acc, vectors, form, made);
    } else {
        edge_simd_duos_by_pixel(&row->output, acc, vectors, form, made);
    }
    if (pixels == edge_simd_strip_pixels(shape) && row->channels >= shape.height) {
        edge_simd_store_strip(shape, made, row->pitch, to);
    } else {
        const int32_t channels = row->channels < shape.height ? row->channels : shape.height;
        edge_simd_store_some(made, shape.height, channels, pixels, row->pitch, to);
    }
}

/* A row of blocks for all strips; returns the weights of the next one. */
EDGE_SIMD_INLINE const uint8_t *edge_simd_row_of(edge_simd_shape shape,
                                                 const edge_simd_sparse *sparse,
                                                 const uint8_t *weights, int32_t channel,
                                                 int32_t pixels, edge_simd_form form, int8_t *to) {
    const int32_t most = edge_simd_strip_pixels(shape);
    const edge_simd_row row = {
        sparse->lanes,   sparse->offsets, sparse->offsets + edge_simd_count(weights),
        sparse->wide,    sparse->output,  sparse->channels - channel,
        sparse->channels};
    const uint8_t *const next = edge_simd_unpack(shape, sparse, weights, channel, form);
    for (int32_t p = 0; p < pixels; p += most) {
        const int32_t left = pixels - p, count = left < most ? left : most;
        const int32_t vectors = edge_simd_vectors(shape, left);
        const int16_t *const strip = sparse->strips + p * sparse->depth;
        int8_t *const first = to + p * sparse->channels;
        if (vectors == shape.vectors) {
            edge_simd_strip_of_row(shape, &row, strip, shape.vectors, form, count, first);
        } else if (vectors > 1) {
            edge_simd_strip_of_row(shape, &row, strip, 2, form, count, first);
        } else {
            edge_simd_strip_of_row(shape, &row, strip, 1, form, count, first);
        }
    }
    return next;
}

/* All rows. */
EDGE_SIMD_INLINE void edge_simd_rows_of(edge_simd_shape shape, const edge_simd_sparse *sparse,
                                        int32_t pixels, int8_t *to) {
    const uint8_t *w = sparse->weights;
    for (int32_t c = 0; c < sparse->channels; c += shape.height) {
        if (edge_simd_row_is_float(sparse, c)) {
            w = edge_simd_row_of(shape, sparse, w, c, pixels, EDGE_SIMD_FLOAT, to + c);
        } else {
            w = edge_simd_row_of(shape, sparse, w, c, pixels, EDGE_SIMD_ANY, to + c);
        }
    }
}

#endif
