/* SPDX-License-Identifier: Apache-2.0
 *
 * Maximum pooling, int8, one output row, 4 channels at a time: the maximum of the positions of a
 * window that lie inside the input, clamped to [minimum, maximum].
 */
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

static uint32_t four_channels(const edge_pool2d *layer, const edge_rows *in,
                              const edge_dsp_window *window, int32_t c) {
    uint32_t largest = 0x80808080u;
    for (int32_t row = 0; row < window->rows; row++) {
        const int8_t *x = (const int8_t *)edge_row(in, window->y + row) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            largest = edge_dsp_max(largest, edge_dsp_load(x));
        }
    }
    return largest;
}

static int8_t one_channel(const edge_pool2d *layer, const edge_rows *in,
                          const edge_dsp_window *window, int32_t c) {
    int32_t largest = -128;
    for (int32_t row = 0; row < window->rows; row++) {
        const int8_t *x = (const int8_t *)edge_row(in, window->y + row) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += layer->in_c) {
            largest = *x > largest ? *x : largest;
        }
    }
    return (int8_t)largest;
}

void edge_dsp_max_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_pool2d *layer = descriptor;
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->in_c) {
        const edge_dsp_window window =
            edge_dsp_joined(edge_dsp_window_of(layer, in, y, ox), layer, in);
        int32_t c = 0;
        for (; c + 4 <= layer->in_c; c += 4) {
            edge_dsp_store(to + c, four_channels(layer, in, &window, c));
        }
        for (; c < layer->in_c; c++) {
            to[c] = one_channel(layer, in, &window, c);
        }
    }
    edge_dsp_clamp_all(out, layer->out_w * layer->in_c, layer->requantize.minimum,
                       layer->requantize.maximum);
}

#endif
