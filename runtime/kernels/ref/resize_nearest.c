/* SPDX-License-Identifier: Apache-2.0
 *
 * Resize by the nearest pixel; the channels are the bytes of a pixel:
 *
 *     out[oy][ox][c] = x[row_index[oy]][column_index[ox]][c]
 *
 * 0 <= oy < out_h, 0 <= ox < out_w, 0 <= c < channels.
 */
#include "edge/kernels.h"
#include "edge/memory.h"

void edge_ref_resize_nearest(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const edge_resize *layer = descriptor;
    const int32_t row_bytes = layer->in_w * layer->channels;
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t oy = 0; oy < layer->out_h; oy++) {
        const int8_t *row = (const int8_t *)in->data + layer->row_index[oy] * row_bytes;
        for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->channels) {
            memcpy(to, row + layer->column_index[ox] * layer->channels, (size_t)layer->channels);
        }
    }
}
