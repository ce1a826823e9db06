/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, int8, one output row, one group:
 *
 *     out[ox][oc] = requantized bias[oc] + sum over ky, kx, ic of w[oc][ky][kx][ic] * x[iy][ix][ic]
 *     iy = y * stride_h - pad_top + ky * dilation_h
 *     ix = ox * stride_w - pad_left + kx * dilation_w
 *
 * x is in_zero_point outside the input. The inputs under a few pixels at a time are brought
 * together, a patch a pixel, and multiplied with all output channels.
 *
 * Packing (edge.emit.packing.mve.pack_conv2d): weights and records of edge/mve.h, the taps of a
 * channel in the order ky, kx, ic; the records in requantize.bias; shift is NULL where ONCE has no
 * shifts, multiplier is unused.
 *
 * Scratch, in this order: patches in whole vectors, 2 or as many as fit PATCH_BYTES; kernel_h row
 * pointers.
 */
#include "edge/kernels.h"
#include "edge/mve.h"

#ifdef __ARM_FEATURE_MVE

#define PATCH_BYTES 1152

typedef struct {
    const edge_conv2d *layer;
    int32_t segment; /* bytes of one kernel row in a patch */
    int32_t vectors; /* of a patch */
    int8_t *patches;
    int32_t pixels;      /* patches, an even number */
    const int8_t **rows; /* those inside the input, from kernel row first_row on */
    int32_t first_row, row_count;
    int32_t first_inner, end_inner; /* pixels whose columns all lie inside the input */
} work;

static void find_rows(work *w, const edge_rows *in, int32_t y) {
    int32_t iy = y * w->layer->stride_h - w->layer->pad_top;
    for (int32_t ky = 0; ky < w->layer->kernel_h; ky++, iy += w->layer->dilation_h) {
        const int8_t *row = edge_row(in, iy);
        if (row != NULL) {
            w->rows[w->row_count++] = row;
        } else if (w->row_count == 0) {
            w->first_row++;
        }
    }
}

static int32_t even_pixels(const edge_conv2d *layer, int32_t vectors) {
    const int32_t fitting = PATCH_BYTES / (32 * vectors), needed = (layer->out_w + 1) / 2;
    return 2 * (fitting < 1 ? 1 : fitting < needed ? fitting : needed);
}

static work prepare(const edge_conv2d *layer, const edge_rows *in, int32_t y, void *scratch) {
    const int32_t segment = layer->kernel_w * layer->in_c;
    const int32_t vectors = edge_mve_vectors(segment * layer->kernel_h);
    const int32_t last = layer->in_w - layer->kernel_w + layer->pad_left;
    work w = {.layer = layer,
              .segment = segment,
              .vectors = vectors,
              .patches = scratch,
              .pixels = even_pixels(layer, vectors)};
    w.rows = (const int8_t **)scratch + 4 * vectors * w.pixels;
    find_rows(&w, in, y);
    if (last >= 0 && layer->dilation_w == 1) {
        w.first_inner = (layer->pad_left + layer->stride_w - 1) / layer->stride_w;
        w.end_inner = last / layer->stride_w + 1;
    }
    if (w.row_count < layer->kernel_h) {
        edge_mve_fill(w.patches, layer->in_zero_point, 16 * vectors * w.pixels);
    }
    return w;
}

/* The columns ix, ... of all rows go to column kx, ... of the patches from `pixel` on. */
static void copy_columns(const work *w, int32_t ix, int32_t kx, int32_t columns, int32_t pixel,
                         int32_t pixels) {
    const int32_t depth = w->layer->in_c, pitch = 16 * w->vectors;
    const int32_t several = pixels > 1;
    int8_t *to = w->patches + pixel * pitch + w->first_row * w->segment + kx * depth;
    const edge_mve_patch patch = {w->rows,
                                  w->row_count,
                                  ix * depth,
                                  several ? w->layer->stride_w * depth : 0,
                                  columns * depth,
                                  to,
                                  several ? pitch : 0,
                                  w->segment,
                                  several ? pixels / 2 : 1};
    if (columns > 0 && w->row_count > 0) {
        edge_mve_patch_2(&patch);
    }
}

/* A patch of which some columns may lie outside the input. */
static void build_border(const work *w, int32_t ix, int32_t pixel) {
    const edge_conv2d *layer = w->layer;
    const int32_t pitch = 16 * w->vectors, room = layer->in_w - ix;
    edge_mve_fill(w->patches + pixel * pitch, layer->in_zero_point, pitch);
    if (layer->dilation_w == 1) {
        const int32_t left = ix < 0 ? -ix : 0;
        const int32_t end = room < layer->kernel_w ? room : layer->kernel_w;
        copy_columns(w, ix + left, left, end - left, pixel, 1);
        return;
    }
    for (int32_t kx = 0; kx < layer->kernel_w; kx++, ix += layer->dilation_w) {
        copy_columns(w, ix, kx, ix >= 0 && ix < layer->in_w, pixel, 1);
    }
}

/* The patches of `pixels` output pixels from ox on. */
static void build_patches(const work *w, int32_t ox, int32_t pixels) {
    for (int32_t p = 0; p < pixels;) {
        const int32_t ix = (ox + p) * w->layer->stride_w - w->layer->pad_left;
        const int32_t left = pixels - p, inner = w->end_inner - ox - p;
        if (ox + p < w->first_inner || inner <= 0) {
            build_border(w, ix, p);
            p++;
        } else {
            const int32_t some = left < inner ? left : inner;
            const int32_t made = some > 1 ? some & ~1 : 1;
            copy_columns(w, ix, 0, w->layer->kernel_w, p, made);
            p += made;
        }
    }
}

static void multiply(const work *w, int8_t *out, int32_t pixels) {
    const edge_requantize *q = &w->layer->requantize;
    const int32_t pitch = 16 * w->vectors, depth = w->layer->out_c;
    const edge_mve_dot dot = {w->patches, pitch, w->layer->weights, q->bias,     out,
                              depth,      depth, w->vectors,        pixels >> 1, q->zero_point};
    edge_mve_multiply(q, &dot, pixels);
}

void edge_mve_conv2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_conv2d *layer = descriptor;
    const work w = prepare(layer, in, y, scratch);
    EDGE_ASSERT(layer->groups == 1);
    for (int32_t ox = 0; ox < layer->out_w; ox += w.pixels) {
        const int32_t left = layer->out_w - ox, pixels = left < w.pixels ? left : w.pixels;
        build_patches(&w, ox, pixels);
        multiply(&w, (int8_t *)out + ox * layer->out_c, pixels);
    }
    edge_mve_clamp_all(out, layer->out_w * layer->out_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
