/* SPDX-License-Identifier: Apache-2.0
 *
 * Fully connected layer, int8, and convolution with a 1x1 kernel, of sparse weights:
 *
 *     acc[p][oc] = bias[oc] + sum over ic of w[oc][ic] * x[p][ic]
 *     out[p][oc] = requantized acc
 *
 * 0 <= p < pixels, 0 <= ic < in_c. Weights are the blocks of edge/blocks.h.
 *
 * Accumulator: |bias[oc]| + 128 * sum |w[oc]| < 2^31 is checked when the constants are made, so no
 * order of summation overflows.
 */
#include "edge/blocks.h"
#include "edge/kernels.h"
#include "edge/requantize.h"

/* The products of a block of which `taps` lie inside x. */
static void add_block(const edge_blocks *blocks, const int8_t *w, const int8_t *x, int32_t taps,
                      int32_t *acc) {
    for (int32_t i = 0; i < blocks->height; i++, w += blocks->width) {
        for (int32_t j = 0; j < taps; j++) {
            acc[i] += w[j] * x[j];
        }
    }
}

static void add_row(edge_blocks *blocks, const edge_linear *layer, const int8_t *x, int32_t *acc) {
    for (int32_t count = edge_blocks_number(blocks); count > 0; count--) {
        const int32_t tap = edge_blocks_number(blocks) * blocks->width;
        const int32_t left = layer->in_c - tap;
        const int32_t taps = left < blocks->width ? left : blocks->width;
        add_block(blocks, edge_blocks_weights(blocks), x + tap, taps, acc);
    }
}

static void make_pixel(const edge_linear *layer, const int8_t *x, int8_t *out) {
    edge_blocks blocks = edge_blocks_in(layer->weights);
    for (int32_t first = 0; first < layer->out_c; first += blocks.height) {
        int32_t acc[EDGE_BLOCK_HEIGHT] = {0};
        add_row(&blocks, layer, x, acc);
        for (int32_t i = 0; i < blocks.height && first + i < layer->out_c; i++) {
            const int32_t oc = first + i;
            out[oc] = edge_requantized(&layer->requantize, oc, layer->requantize.bias[oc] + acc[i]);
        }
    }
}

void edge_ref_linear_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_linear *layer = descriptor;
    const int8_t *x = edge_row(in, y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    for (int32_t p = 0; p < layer->pixels; p++, x += layer->in_c, to += layer->out_c) {
        make_pixel(layer, x, to);
    }
}
