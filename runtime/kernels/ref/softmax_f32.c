/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of each vector, float32:
 *
 *     e[c] = exp(beta * x[c] - max(beta * x))
 *     out[c] = e[c] / (sum over c, upwards from 0, of e[c])
 *
 * 0 <= c < classes. The sum starts at 0; exp is edge_exp.
 */
#include "edge/f32_functions.h"
#include "edge/kernels.h"

static float largest(const float *x, int32_t classes, float beta) {
    float most = -EDGE_INFINITY;
    for (int32_t c = 0; c < classes; c++) {
        most = beta * x[c] > most ? beta * x[c] : most;
    }
    return most;
}

void edge_ref_softmax_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                          void *scratch) {
    const edge_softmax_f32 *layer = descriptor;
    const float *x = edge_row(in, y);
    float *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    for (int32_t v = 0; v < layer->vectors; v++, x += layer->classes, to += layer->classes) {
        const float most = largest(x, layer->classes, layer->beta);
        float sum = 0.0f;
        for (int32_t c = 0; c < layer->classes; c++) {
            to[c] = edge_exp(layer->beta * x[c] - most);
            sum += to[c];
        }
        for (int32_t c = 0; c < layer->classes; c++) {
            to[c] = to[c] / sum;
        }
    }
}
