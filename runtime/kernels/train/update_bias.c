/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of a bias, in place:
 *
 *     bias[c] = clamp(bias[c] - step(sum over p of gradient[p][c]), -limit, limit)
 *
 * with a mantissa and a shift for each channel; channels with the mantissa 0 stay as they are.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int32_t column(const int8_t *gradient, int32_t positions, int32_t channels) {
    int32_t sum = 0;
    for (; positions > 0; positions--, gradient += channels) {
        sum += *gradient;
    }
    return sum;
}

void edge_train_update_bias(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_update_bias *layer = descriptor;
    const int8_t *gradient = in[0].data, *shift = in[4].data;
    const int16_t *mantissa = in[3].data;
    const int32_t exponent = edge_exponent(&in[1]), limit = layer->limit;
    int32_t *bias = out;
    (void)y;
    (void)scratch;
    for (int32_t c = 0; c < layer->channels; c++) {
        if (mantissa[c] != 0) {
            const int32_t sum = column(gradient + c, layer->positions, layer->channels);
            edge_move_bias(&bias[c], limit, edge_fixed_step(sum, mantissa[c], shift[c], exponent));
        }
    }
}
