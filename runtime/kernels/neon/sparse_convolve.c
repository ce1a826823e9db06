/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row, one group, of sparse weights: see sparse.h. kernel_w * in_c is
 * a multiple of the step, kernels are not dilated along a row. Up to 16 pixels at a time.
 *
 * Scratch: the strip, 16 bytes a tap, and the columns of one kernel row under 16 pixels.
 */
#include "edge/columns.h"
#include "sparse.h"

#ifdef __ARM_NEON

typedef struct {
    const edge_conv2d *layer;
    const edge_rows *in;
    const edge_neon_sparse *sparse;
    int32_t iy; /* row of the first tap */
    int8_t *strip;
    int8_t *columns;
} work;

/* One kernel row under the pixels of the run, of which the first starts at column ix. */
static int8_t *append_row(const work *w, int8_t *strip, const int8_t *row, int32_t ix,
                          edge_neon_run run) {
    const edge_conv2d *layer = w->layer;
    const int32_t columns = (run.pixels - 1) * layer->stride_w + layer->kernel_w;
    run.in = w->columns;
    if (row == NULL) {
        memset(w->columns, layer->in_zero_point, (size_t)(columns * layer->in_c));
    } else if (ix < 0 || ix + columns > layer->in_w) {
        edge_copy_columns(layer, row, ix, columns, w->columns);
    } else {
        run.in = row + ix * layer->in_c;
    }
    return w->sparse->append(strip, &run);
}

static void build_strip(const work *w, int32_t ox, int32_t pixels) {
    const edge_conv2d *layer = w->layer;
    const int32_t ix = ox * layer->stride_w - layer->pad_left;
    const edge_neon_run run = {NULL, layer->stride_w * layer->in_c, layer->kernel_w * layer->in_c,
                               pixels};
    int8_t *strip = w->strip;
    for (int32_t ky = 0; ky < layer->kernel_h; ky++) {
        const int8_t *row = edge_row(w->in, w->iy + ky * layer->dilation_h);
        strip = append_row(w, strip, row, ix, run);
    }
}

void edge_neon_sparse_convolve(const edge_conv2d *layer, const edge_rows *in, int32_t y,
                               int8_t *out, int8_t *scratch, const edge_neon_sparse *sparse) {
    const edge_requantize *q = &layer->requantize;
    const int32_t depth = layer->kernel_h * layer->kernel_w * layer->in_c;
    const work w = {layer,   in,
                    sparse,  y * layer->stride_h - layer->pad_top,
                    scratch, scratch + EDGE_NEON_STRIP * depth};
    edge_neon_product product = {scratch,
                                 0,
                                 0,
                                 layer->weights,
                                 edge_neon_scale_of(q, layer->out_c),
                                 edge_neon_output_of(q->zero_point, q->minimum, q->maximum),
                                 out,
                                 layer->out_c};
    EDGE_ASSERT(layer->groups == 1);
    for (int32_t ox = 0; ox < layer->out_w;) {
        const int32_t pixels = edge_neon_strip_pixels(layer->out_w - ox);
        build_strip(&w, ox, pixels);
        edge_neon_sparse_multiply(&product, pixels, sparse);
        product.out += pixels * layer->out_c;
        ox += pixels;
    }
}

#endif
