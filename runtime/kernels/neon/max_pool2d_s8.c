/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum pooling, int8, one output row, 16 channels at a time, or 8, or 1: the maximum of the
 * positions of a window that lie inside the input, clamped to [minimum, maximum]. The last group of
 * channels may repeat outputs of the one before.
 */
#include "edge/kernels.h"
#include "scale.h"
#include "window.h"

#ifdef __ARM_NEON

static void make_16(const edge_pool2d *layer, const edge_rows *in, const edge_neon_window *window,
                    int32_t c, int8_t *out) {
    int8x16_t largest = vdupq_n_s8(layer->requantize.minimum);
    for (int32_t row = 0; row < window->rows; row++) {
        const int8_t *x = (const int8_t *)edge_row(in, window->y + row) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            largest = vmaxq_s8(largest, vld1q_s8(x));
        }
    }
    vst1q_s8(out + c, vminq_s8(largest, vdupq_n_s8(layer->requantize.maximum)));
}

static void make_8(const edge_pool2d *layer, const edge_rows *in, const edge_neon_window *window,
                   int32_t c, int8_t *out) {
    int8x8_t largest = vdup_n_s8(layer->requantize.minimum);
    for (int32_t row = 0; row < window->rows; row++) {
        const int8_t *x = (const int8_t *)edge_row(in, window->y + row) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            largest = vmax_s8(largest, vld1_s8(x));
        }
    }
    vst1_s8(out + c, vmin_s8(largest, vdup_n_s8(layer->requantize.maximum)));
}

static void make_1(const edge_pool2d *layer, const edge_rows *in, const edge_neon_window *window,
                   int32_t c, int8_t *out) {
    int8_t largest = layer->requantize.minimum;
    for (int32_t row = 0; row < window->rows; row++) {
        const int8_t *x = (const int8_t *)edge_row(in, window->y + row) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            largest = *x > largest ? *x : largest;
        }
    }
    out[c] = largest < layer->requantize.maximum ? largest : layer->requantize.maximum;
}

static void make_output(const edge_pool2d *layer, const edge_rows *in,
                        const edge_neon_window *window, int8_t *out) {
    const int32_t channels = layer->in_c;
    int32_t c = 0;
    for (; c + 16 <= channels; c += 16) {
        make_16(layer, in, window, c, out);
    }
    if (c < channels && channels >= 16) {
        make_16(layer, in, window, channels - 16, out);
    } else if (channels >= 8 && channels < 16) {
        make_8(layer, in, window, 0, out);
        if (channels > 8) {
            make_8(layer, in, window, channels - 8, out);
        }
    } else {
        for (; c < channels; c++) {
            make_1(layer, in, window, c, out);
        }
    }
}

void edge_neon_max_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const edge_pool2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->in_c) {
        const edge_neon_window window = edge_neon_window_of(layer, in, y, ox);
        make_output(layer, in, &window, to);
    }
}

#endif
