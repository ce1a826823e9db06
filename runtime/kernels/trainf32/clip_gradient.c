/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient in front of a clamp, scaled by channel:
 *
 *     out[i] = mask[i] ? factor[i % channels] * gradient[i] : 0
 *
 * A mask or a factor that is missing is all ones. May write over its input.
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

void edge_trainf32_clip_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                 void *scratch) {
    const edge_elements *layer = descriptor;
    const float *gradient = in[0].data, *factor = in[3].data;
    const uint8_t *mask = in[2].data;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t i = 0, c = 0; i < layer->elements; i++) {
        const int inside = mask == NULL || edge_bit(mask, i);
        const float scaled = factor != NULL ? gradient[i] * factor[c] : gradient[i];
        to[i] = inside ? scaled : 0.0f;
        c = c + 1 == layer->channels ? 0 : c + 1;
    }
}
