/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, int8, one output row, one filter a channel, of which taps are left out
 * where they are zero in all of 16 neighbouring channels; a multiple of 16 channels, at most 64
 * taps:
 *
 *     out[ox][c] = requantized bias[c] + sum over ky, kx of w[ky][kx][c] * x[iy][ix][c]
 *
 * Packing (edge.emit.packing.neon_sparse.pack_taps): weights hold for each 16 channels a byte, the
 * pairs of taps left, the positions of both taps of each pair in the window, a byte each, and the
 * weights [pairs][2][16]; requantize.bias as in scale.h.
 *
 * Scratch: a column of zero points, in_c bytes.
 */
#include "depthwise.h"
#include "edge/kernels.h"

#ifdef __ARM_NEON

enum { CHANNELS = 16 };

typedef struct {
    edge_neon_windows windows;
    edge_neon_scale scale;
    edge_neon_output output;
} work;

/* 16 channels from c on; returns what follows their weights. */
EDGE_NEON_INLINE const int8_t *make_16(const work *w, const int8_t *stream, int32_t c, int8_t *out,
                                       int32_t form) {
    const int8_t *const *taps = w->windows.taps;
    const edge_neon_scale scale = edge_neon_scale_at(&w->scale, c);
    edge_neon_16 sum = edge_neon_load_16(scale.bias);
    const int8_t *place = stream + 1, *weights = place + 2 * stream[0];
    const int8_t *const end = weights;
    for (; place != end; place += 2, weights += 2 * CHANNELS) {
        const int8x16_t x0 = vld1q_s8(taps[place[0]] + c), x1 = vld1q_s8(taps[place[1]] + c);
        const int8x16_t w0 = vld1q_s8(weights), w1 = vld1q_s8(weights + CHANNELS);
        edge_neon_add_pair(&sum, x0, w0, x1, w1);
    }
    if (scale.shifted) {
        sum = edge_neon_shifted_16(sum, edge_neon_load_16(scale.left));
    }
    edge_neon_store_16(&w->output, sum, edge_neon_load_16(scale.multiplier),
                       edge_neon_load_16(scale.right), form, out + c);
    return weights;
}

EDGE_NEON_INLINE void make_groups(const work *w, int8_t *out, int32_t form) {
    const int8_t *stream = w->windows.layer->weights;
    for (int32_t c = 0; c < w->windows.layer->in_c; c += CHANNELS) {
        stream = make_16(w, stream, c, out, form);
    }
}

static void make_output(const work *w, int8_t *out) {
    if (w->scale.form == EDGE_NEON_TWICE) {
        make_groups(w, out, EDGE_NEON_TWICE);
    } else if (w->scale.form == EDGE_NEON_NEAREST) {
        make_groups(w, out, EDGE_NEON_NEAREST);
    } else {
        make_groups(w, out, EDGE_NEON_FLOOR);
    }
}

void edge_neon_depthwise_conv2d_sparse_s8(const void *descriptor, const edge_rows *in, int32_t y,
                                          void *out, void *scratch) {
    const edge_conv2d *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    int8_t *to = out;
    work w;
    EDGE_ASSERT(layer->in_c % CHANNELS == 0);
    edge_neon_start_windows(&w.windows, layer, in, y, scratch);
    w.scale = edge_neon_scale_of(q, layer->out_c);
    w.output = edge_neon_output_of(q->zero_point, q->minimum, q->maximum);
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->out_c) {
        edge_neon_next_window(&w.windows, in, y);
        make_output(&w, to);
    }
}

#endif
