/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of a bias, in place:
 *
 *     bias[c] -= sum over p of gradient[p][c] * factor[c], halves up, within the limit
 *
 * A factor of 0 is that of a channel that is not trained.
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

static float column(const float *gradient, int32_t positions, int32_t channels) {
    float sum = 0.0f;
    for (; positions > 0; positions--, gradient += channels) {
        sum += *gradient;
    }
    return sum;
}

void edge_trainf32_update_bias(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    const edge_update_bias *layer = descriptor;
    const float *gradient = in[0].data, *factor = in[3].data;
    int32_t *bias = out;
    (void)y;
    (void)scratch;
    for (int32_t c = 0; c < layer->channels; c++) {
        if (factor[c] != 0.0f) {
            const float sum = column(gradient + c, layer->positions, layer->channels);
            edge_move_bias(&bias[c], layer->limit, edge_float_step(sum, factor[c]));
        }
    }
}
