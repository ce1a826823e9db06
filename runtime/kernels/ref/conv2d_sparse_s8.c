/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row, one group, of sparse weights:
 *
 *     acc[ox][oc] = bias[oc] + sum over ky, kx, ic of w[oc][ky][kx][ic] * x[iy][ix][ic]
 *     iy = y * stride_h - pad_top + ky * dilation_h
 *     ix = ox * stride_w - pad_left + kx * dilation_w
 *     out[ox][oc] = requantized acc
 *
 * x is in_zero_point outside the input. Weights are the blocks of edge/blocks.h, tap (ky * kernel_w
 * + kx) * in_c + ic.
 *
 * Accumulator: |bias[oc]| + 128 * sum |w[oc]| < 2^31 is checked when the constants are made, so no
 * order of summation overflows.
 */
#include "edge/blocks.h"
#include "edge/kernels.h"
#include "edge/requantize.h"

typedef struct {
    const edge_conv2d *layer;
    const edge_rows *in;
    int32_t iy, ix; /* of the first tap, perhaps in the padding */
} window;

/* What the input holds under a tap. */
static int32_t value_at(const window *from, int32_t tap) {
    const edge_conv2d *layer = from->layer;
    const int32_t position = tap / layer->in_c;
    const int32_t ky = position / layer->kernel_w, kx = position % layer->kernel_w;
    const int8_t *row = edge_row(from->in, from->iy + ky * layer->dilation_h);
    const int32_t ix = from->ix + kx * layer->dilation_w;
    if (row == NULL || ix < 0 || ix >= layer->in_w) {
        return layer->in_zero_point;
    }
    return row[ix * layer->in_c + tap % layer->in_c];
}

/* The products of a block of which `taps` exist, from `tap` on. */
static void add_block(const edge_blocks *blocks, const int8_t *w, const window *from, int32_t tap,
                      int32_t taps, int32_t *acc) {
    for (int32_t j = 0; j < taps; j++) {
        const int32_t x = value_at(from, tap + j);
        for (int32_t i = 0; i < blocks->height; i++) {
            acc[i] += w[i * blocks->width + j] * x;
        }
    }
}

static void add_row(edge_blocks *blocks, const window *from, int32_t *acc) {
    const edge_conv2d *layer = from->layer;
    const int32_t all = layer->kernel_h * layer->kernel_w * layer->in_c;
    for (int32_t count = edge_blocks_number(blocks); count > 0; count--) {
        const int32_t tap = edge_blocks_number(blocks) * blocks->width;
        const int32_t taps = all - tap < blocks->width ? all - tap : blocks->width;
        add_block(blocks, edge_blocks_weights(blocks), from, tap, taps, acc);
    }
}

static void make_pixel(const window *from, int8_t *out) {
    const edge_conv2d *layer = from->layer;
    edge_blocks blocks = edge_blocks_in(layer->weights);
    for (int32_t first = 0; first < layer->out_c; first += blocks.height) {
        int32_t acc[EDGE_BLOCK_HEIGHT] = {0};
        add_row(&blocks, from, acc);
        for (int32_t i = 0; i < blocks.height && first + i < layer->out_c; i++) {
            const int32_t oc = first + i;
            out[oc] = edge_requantized(&layer->requantize, oc, layer->requantize.bias[oc] + acc[i]);
        }
    }
}

void edge_ref_conv2d_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_conv2d *layer = descriptor;
    window from = {layer, in, y * layer->stride_h - layer->pad_top, -layer->pad_left};
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(layer->groups == 1);
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->out_c, from.ix += layer->stride_w) {
        make_pixel(&from, to);
    }
}
