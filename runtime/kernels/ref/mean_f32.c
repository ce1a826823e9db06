/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean over all positions, float32:
 *
 *     out[c] = (sum over p, upwards from 0, of x[p][c]) / positions
 *
 * 0 <= p < positions. The sum starts at 0.
 */
#include "edge/f32.h"
#include "edge/kernels.h"

void edge_ref_mean_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                       void *scratch) {
    const edge_mean_f32 *layer = descriptor;
    const float *x = in->data;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t c = 0; c < layer->channels; c++) {
        float sum = 0.0f;
        for (int32_t p = 0; p < layer->positions; p++) {
            sum += x[p * layer->channels + c];
        }
        to[c] = sum / (float)layer->positions;
    }
}
