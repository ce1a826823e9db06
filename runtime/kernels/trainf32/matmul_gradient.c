/* SPDX-License-Identifier: Apache-2.0
 *
 * Product of two activations, from the gradient of the output to that of an operand, for each of
 * `batches`:
 *
 *     out[i][j] = sum over k of gradient[..] * (other[..] - zero_point)
 *
 * where i, j and k step through both as the descriptor says.
 */
#include "edge/kernels.h"
#include "edge/train_f32.h"

static float sum_of(const edge_matmul_gradient *s, const float *gradient, const int8_t *other) {
    float sum = 0.0f;
    for (int32_t k = 0; k < s->sizes[2]; k++) {
        sum += gradient[k * s->gradient_steps[2]] *
               (float)(other[k * s->other_steps[2]] - s->zero_point);
    }
    return sum;
}

void edge_trainf32_matmul_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const edge_matmul_gradient *s = descriptor;
    const float *gradient = in[0].data;
    const int8_t *other = in[2].data;
    float *to = out;
    (void)y;
    (void)scratch;
    for (int32_t b = 0; b < s->batches; b++) {
        for (int32_t i = 0; i < s->sizes[0]; i++) {
            for (int32_t j = 0; j < s->sizes[1]; j++) {
                const int32_t g = i * s->gradient_steps[0] + j * s->gradient_steps[1];
                const int32_t o = i * s->other_steps[0] + j * s->other_steps[1];
                *to++ = sum_of(s, gradient + g, other + o);
            }
        }
        gradient += s->gradient_size;
        other += s->other_size;
    }
}
