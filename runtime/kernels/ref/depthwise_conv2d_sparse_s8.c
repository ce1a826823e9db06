/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row, of weights of which many are zero, as kernel
 * patterns leave them:
 *
 *     acc[ox][oc] = bias[oc] + sum over the taps of oc of w * x[iy][ix][oc / m]
 *     iy = y * stride_h - pad_top + ky * dilation_h, ix = ox * stride_w - pad_left + kx *
 * dilation_w out[ox][oc] = requantized acc
 *
 * m = out_c / in_c; x is in_zero_point outside the input; at most 49 positions.
 *
 * Weights (edge.emit.packing.taps.pack_taps), for each channel: uint8 count, then count times uint8
 * position ky * kernel_w + kx, ascending, and int8 weight.
 *
 * Accumulator: |bias[oc]| + 128 * sum |w[oc]| < 2^31 is checked when the constants are made, so no
 * order of summation overflows.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"

enum { MOST_POSITIONS = 49 };

/* The pixel under a position: channel c is at x[c & mask]; all channels are alike in the padding.
 */
typedef struct {
    const int8_t *x;
    int32_t mask;
} place;

/* The pixels under kernel row ky of an output whose first column is ix. */
static void find_row(const edge_conv2d *layer, const int8_t *row, int32_t ix, place *places) {
    for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w) {
        if (row != NULL && ix >= 0 && ix < layer->in_w) {
            places[kx].x = row + ix * layer->in_c;
            places[kx].mask = -1;
        } else {
            places[kx].x = &layer->in_zero_point;
            places[kx].mask = 0;
        }
    }
}

static void find_places(const edge_conv2d *layer, const edge_rows *in, int32_t y, int32_t ox,
                        place *places) {
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    int32_t iy = y * layer->stride_h - layer->pad_top;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++, iy += layer->dilation_h) {
        find_row(layer, edge_row(in, iy), ix, places + ky * layer->kernel_w);
    }
}

/* The sum over the taps of a channel that reads `input`; *taps goes on to the next channel. */
static int32_t sum(const place *places, const uint8_t **taps, int32_t input) {
    const uint8_t *next = *taps;
    const uint8_t *end = next + 1 + 2 * next[0];
    int32_t acc = 0;
    for (next++; next != end; next += 2) {
        const place *at = places + next[0];
        acc += at->x[input & at->mask] * (int8_t)next[1];
    }
    *taps = end;
    return acc;
}

static void make_pixel(const edge_conv2d *layer, const place *places, int8_t *out) {
    const edge_requantize *q = &layer->requantize;
    const int32_t m = layer->out_c / layer->in_c;
    const uint8_t *taps = layer->weights;
    int32_t oc = 0;
    for (int32_t input = 0; input < layer->in_c; input++) {
        for (int32_t i = 0; i < m; i++, oc++) {
            out[oc] = edge_requantized(q, oc, q->bias[oc] + sum(places, &taps, input));
        }
    }
}

void edge_ref_depthwise_conv2d_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                         void *out, void *scratch) {
    const edge_conv2d *layer = descriptor;
    place places[MOST_POSITIONS];
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(layer->out_c % layer->in_c == 0);
    EDGE_ASSERT(layer->kernel_h * layer->kernel_w <= MOST_POSITIONS);
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->out_c) {
        find_places(layer, in, y, ox, places);
        make_pixel(layer, places, to);
    }
}
