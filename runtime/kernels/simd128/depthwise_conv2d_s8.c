/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, 3x3, one output channel an input channel, at least 8 channels, one
 * output row; the sums of runtime/kernels/ref/depthwise_conv2d_s8.c.
 *
 * Blocks of 8 channels; the last block may overlap the one before. i32x4.dot_i16x8 multiplies pairs
 * of taps (row, column):
 *
 *     0: (0,0) (1,0)   1: (0,1) (1,1)   2: (0,2) (1,2)   3: (2,0) (2,1)   4: (2,2) and nothing
 *
 * Two neighbouring outputs share the columns between them; in the third row the second output uses
 *
 *     5: nothing and (2,0)   6: (2,1) (2,2)
 *
 * Packing (edge.emit.packing.simd128.pack_depthwise): weights int8[blocks][7 pairs][8 channels][2],
 * constants two records (scale.h) a block.
 *
 * Scratch: a row of in_w pixels that hold the input zero point, and a patch of 3x3 pixels.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include "edge/memory.h"
#include "scale.h"

enum { BLOCK = 8, PAIRS = 7 };

/* A run of outputs whose windows lie inside the rows; `row` points to the first tap. */
typedef struct {
    const int8_t *row[3];
    int32_t tap, step; /* bytes between taps and between outputs */
    int32_t outputs;
} run;

typedef struct {
    v128_t low, high; /* channels 0-3 and 4-7 of a block, two values each */
} pairs;

/* A block of 8 channels of a run. */
typedef struct {
    const int8_t *row[3];
    pairs weights[PAIRS];
    const int32_t *low, *high; /* records */
    edge_simd_output output;
} block;

EDGE_SIMD_INLINE v128_t load(const int8_t *x) {
    return wasm_i16x8_load8x8(x);
}

EDGE_SIMD_INLINE pairs paired(v128_t a, v128_t b) {
    const pairs p = {wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11),
                     wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)};
    return p;
}

EDGE_SIMD_INLINE void multiply(v128_t acc[2], const pairs *x, const pairs *w) {
    acc[0] = wasm_i32x4_add(acc[0], wasm_i32x4_dot_i16x8(x->low, w->low));
    acc[1] = wasm_i32x4_add(acc[1], wasm_i32x4_dot_i16x8(x->high, w->high));
}

EDGE_SIMD_INLINE pairs pair_of_weights(const int8_t *w, edge_simd_form form) {
    const pairs p = {edge_simd_weights(w, form), edge_simd_weights(w + 8, form)};
    return p;
}

EDGE_SIMD_INLINE block block_of(const edge_conv2d *layer, const run *r, int32_t channel,
                                const int8_t *w, const int32_t *k, edge_simd_form form) {
    const edge_requantize *q = &layer->requantize;
    const block b = {{r->row[0] + channel, r->row[1] + channel, r->row[2] + channel},
                     {pair_of_weights(w, form), pair_of_weights(w + 16, form),
                      pair_of_weights(w + 32, form), pair_of_weights(w + 48, form),
                      pair_of_weights(w + 64, form), pair_of_weights(w + 80, form),
                      pair_of_weights(w + 96, form)},
                     k,
                     k + EDGE_SIMD_RECORD,
                     edge_simd_output_of(q->zero_point, q->minimum, q->maximum)};
    return b;
}

/* The output whose window begins at byte `at` of the rows, in the lower half. */
EDGE_SIMD_INLINE v128_t one(const block *b, int32_t at, int32_t tap, edge_simd_form form) {
    const int8_t *r0 = b->row[0] + at, *r1 = b->row[1] + at, *r2 = b->row[2] + at;
    const pairs x0 = paired(load(r0), load(r1));
    const pairs x1 = paired(load(r0 + tap), load(r1 + tap));
    const pairs x2 = paired(load(r0 + 2 * tap), load(r1 + 2 * tap));
    const pairs y0 = paired(load(r2), load(r2 + tap));
    const pairs y2 = paired(load(r2 + 2 * tap), wasm_i16x8_const_splat(0));
    v128_t acc[2] = {wasm_v128_load(b->low), wasm_v128_load(b->high)};
    multiply(acc, &x0, &b->weights[0]);
    multiply(acc, &x1, &b->weights[1]);
    multiply(acc, &x2, &b->weights[2]);
    multiply(acc, &y0, &b->weights[3]);
    multiply(acc, &y2, &b->weights[4]);
    edge_simd_scale_column(acc, 1, b->low, form);
    edge_simd_scale_column(acc + 1, 1, b->high, form);
    return edge_simd_stored(&b->output, acc[0], acc[1], acc[0], acc[1], form);
}

/* What two neighbouring outputs share with the next two: pairs of the first two columns. */
typedef struct {
    pairs x0, x1, y0;
} columns;

EDGE_SIMD_INLINE columns first_columns(const block *b, int32_t at, int32_t tap) {
    const int8_t *r0 = b->row[0] + at, *r1 = b->row[1] + at, *r2 = b->row[2] + at;
    const columns first = {paired(load(r0), load(r1)), paired(load(r0 + tap), load(r1 + tap)),
                           paired(load(r2), load(r2 + tap))};
    return first;
}

/* Two outputs whose windows begin one tap apart; `first` becomes that of the next two. */
EDGE_SIMD_INLINE v128_t two(const block *b, int32_t at, int32_t tap, columns *first,
                            edge_simd_form form) {
    const columns next = first_columns(b, at + 2 * tap, tap);
    const v128_t low = wasm_v128_load(b->low), high = wasm_v128_load(b->high);
    v128_t acc[4] = {low, high, low, high};
    multiply(acc, &first->x0, &b->weights[0]);
    multiply(acc + 2, &first->x1, &b->weights[0]);
    multiply(acc, &first->x1, &b->weights[1]);
    multiply(acc + 2, &next.x0, &b->weights[1]);
    multiply(acc, &next.x0, &b->weights[2]);
    multiply(acc + 2, &next.x1, &b->weights[2]);
    multiply(acc, &first->y0, &b->weights[3]);
    multiply(acc, &next.y0, &b->weights[4]);
    multiply(acc + 2, &first->y0, &b->weights[5]);
    multiply(acc + 2, &next.y0, &b->weights[6]);
    edge_simd_scale_column(acc, 2, b->low, form);
    edge_simd_scale_column(acc + 1, 2, b->high, form);
    *first = next;
    return edge_simd_stored(&b->output, acc[0], acc[1], acc[2], acc[3], form);
}

/* 8 channels of all outputs of a run; `to` is the first one's. */
EDGE_SIMD_INLINE void make_block(const block *b, const run *r, int32_t out_c, edge_simd_form form,
                                 int8_t *to) {
    int32_t left = r->outputs, at = 0;
    if (r->step == r->tap && left >= 2) {
        columns first = first_columns(b, at, r->tap);
        for (; left >= 2; left -= 2, at += 2 * r->step, to += 2 * out_c) {
            const v128_t made = two(b, at, r->tap, &first, form);
            wasm_v128_store64_lane(to, made, 0);
            wasm_v128_store64_lane(to + out_c, made, 1);
        }
    }
    for (; left > 0; left--, at += r->step, to += out_c) {
        wasm_v128_store64_lane(to, one(b, at, r->tap, form), 0);
    }
}

/* 8 channels of a run from `channel` on, with weights w and records k. */
EDGE_SIMD_INLINE void eight_channels(const edge_conv2d *layer, const run *r, int32_t channel,
                                     const int8_t *w, const int32_t *k, edge_simd_form form,
                                     int8_t *to) {
    const block b = block_of(layer, r, channel, w, k, form);
    make_block(&b, r, layer->out_c, form, to + channel);
}

static void all_channels(const edge_conv2d *layer, const run *r, int8_t *to) {
    const edge_simd_form form = edge_simd_form_of(&layer->requantize);
    const int32_t last = layer->in_c - BLOCK;
    const int8_t *w = layer->weights;
    const int32_t *k = layer->requantize.bias;
    for (int32_t c = 0; c < layer->in_c; c += BLOCK) {
        const int32_t channel = c < last ? c : last;
        switch (edge_simd_block_form(form, k)) {
        case EDGE_SIMD_FLOAT:
            eight_channels(layer, r, channel, w, k, EDGE_SIMD_FLOAT, to);
            break;
        case EDGE_SIMD_ONCE:
            eight_channels(layer, r, channel, w, k, EDGE_SIMD_ONCE, to);
            break;
        case EDGE_SIMD_SHIFTS_ALIKE:
            eight_channels(layer, r, channel, w, k, EDGE_SIMD_SHIFTS_ALIKE, to);
            break;
        default:
            eight_channels(layer, r, channel, w, k, EDGE_SIMD_ANY, to);
        }
        w += 16 * PAIRS;
        k += 2 * EDGE_SIMD_RECORD;
    }
}

/* An output at the left or right border: its window is copied into the patch. */
static void border(const edge_conv2d *layer, const int8_t *const row[3], int32_t ix, int8_t *patch,
                   int8_t *to) {
    const int32_t in_c = layer->in_c;
    const run r = {{patch, patch + 3 * in_c, patch + 6 * in_c}, in_c, 0, 1};
    for (int32_t tap = 0; tap < 9; tap++) {
        const int32_t column = ix + tap % 3 * layer->dilation_w;
        int8_t *pixel = patch + tap * in_c;
        if (column >= 0 && column < layer->in_w) {
            memcpy(pixel, row[tap / 3] + column * in_c, (size_t)in_c);
        } else {
            memset(pixel, layer->in_zero_point, (size_t)in_c);
        }
    }
    all_channels(layer, &r, to);
}

/* The three input rows of output row y; rows of the padding are `empty`. Says whether any is. */
static int find_rows(const edge_conv2d *layer, const edge_rows *in, int32_t y, const int8_t *empty,
                     const int8_t *row[3]) {
    int padded = 0;
    for (int32_t ky = 0; ky < 3; ky++) {
        const int8_t *found =
            edge_row(in, y * layer->stride_h - layer->pad_top + ky * layer->dilation_h);
        padded |= found == NULL;
        row[ky] = found != NULL ? found : empty;
    }
    return padded;
}

/* The first output whose window lies inside the row, at most out_w. */
static int32_t first_inside(const edge_conv2d *layer) {
    const int32_t first = (layer->pad_left + layer->stride_w - 1) / layer->stride_w;
    return first < layer->out_w ? first : layer->out_w;
}

/* One past the last output whose window lies inside the row, at least `first`. */
static int32_t end_inside(const edge_conv2d *layer, int32_t first) {
    const int32_t room = layer->in_w - 1 - 2 * layer->dilation_w + layer->pad_left;
    const int32_t end = room < 0 ? 0 : room / layer->stride_w + 1;
    const int32_t most = end < layer->out_w ? end : layer->out_w;
    return most > first ? most : first;
}

void edge_simd128_depthwise_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                      void *out, void *scratch) {
    const edge_conv2d *layer = descriptor;
    const int32_t in_c = layer->in_c, row_bytes = layer->in_w * in_c;
    int8_t *const empty = scratch, *const patch = empty + row_bytes, *const to = out;
    const int8_t *row[3];
    EDGE_ASSERT(in_c == layer->out_c && in_c >= BLOCK);
    EDGE_ASSERT(layer->kernel_h == 3 && layer->kernel_w == 3);
    if (find_rows(layer, in, y, empty, row)) {
        memset(empty, layer->in_zero_point, (size_t)row_bytes);
    }
    const int32_t first = first_inside(layer), end = end_inside(layer, first);
    for (int32_t ox = 0; ox < layer->out_w; ox++) {
        if (ox == first && end > first) {
            const int32_t at = (ox * layer->stride_w - layer->pad_left) * in_c;
            const run r = {{row[0] + at, row[1] + at, row[2] + at},
                           layer->dilation_w * in_c,
                           layer->stride_w * in_c,
                           end - first};
            all_channels(layer, &r, to + ox * in_c);
            ox = end - 1;
        } else {
            border(layer, row, ox * layer->stride_w - layer->pad_left, patch, to + ox * in_c);
        }
    }
}

#endif
