/* SPDX-License-Identifier: Apache-2.0
 *
 * Layer normalization of each vector, float32:
 *
 *     d[i] = x[i] - (sum of x) / channels
 *     out[i] = d[i] / sqrt((sum of d[i] * d[i]) / channels + epsilon) * gain[i] + offset[i]
 *
 * 0 <= i < channels. Sums start at 0 and go upwards; the root is rounded to the nearest.
 */
#include "edge/f32_functions.h"
#include "edge/kernels.h"

static float mean_of(const float *x, int32_t channels) {
    float sum = 0.0f;
    for (int32_t i = 0; i < channels; i++) {
        sum += x[i];
    }
    return sum / (float)channels;
}

static float variance_of(const float *x, int32_t channels, float mean) {
    float sum = 0.0f;
    for (int32_t i = 0; i < channels; i++) {
        const float d = x[i] - mean;
        sum += d * d;
    }
    return sum / (float)channels;
}

void edge_ref_layer_norm_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const edge_layer_norm_f32 *layer = descriptor;
    const int32_t channels = layer->channels;
    const float *x = edge_row(in, y);
    float *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    for (int32_t v = 0; v < layer->vectors; v++, x += channels, to += channels) {
        const float mean = mean_of(x, channels);
        const float root = edge_sqrt(variance_of(x, channels, mean) + layer->epsilon);
        for (int32_t i = 0; i < channels; i++) {
            to[i] = (x[i] - mean) / root * layer->gain[i] + layer->offset[i];
        }
    }
}
