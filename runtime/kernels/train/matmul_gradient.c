/* SPDX-License-Identifier: Apache-2.0
 *
 * Product of two activations, from the gradient of the output to that of an operand, for each of
 * `batches`:
 *
 *     out[i][j] = sum over k of gradient[..] * (other[..] - zero_point), int16 after a shift
 *
 * where i, j and k step through both as the descriptor says. The shift follows from the largest sum
 * of magnitudes, times 255. Sums: 127 * 255 * 66,000 < 2^31.
 */
#include "edge/kernels.h"
#include "edge/train.h"

static int32_t magnitudes(const edge_matmul_gradient *s, const int8_t *gradient) {
    int32_t sum = 0;
    for (int32_t k = 0; k < s->sizes[2]; k++) {
        sum += edge_magnitude(gradient[k * s->gradient_steps[2]]);
    }
    return sum;
}

/* The most that meets at one output; where a step is 0 all are alike. */
static int32_t meeting(const edge_matmul_gradient *s, const int8_t *gradient) {
    const int32_t rows = s->gradient_steps[0] != 0 ? s->sizes[0] : 1;
    const int32_t columns = s->gradient_steps[1] != 0 ? s->sizes[1] : 1;
    int32_t largest = 0;
    for (int32_t b = 0; b < s->batches; b++, gradient += s->gradient_size) {
        for (int32_t i = 0; i < rows; i++) {
            for (int32_t j = 0; j < columns; j++) {
                const int32_t at = i * s->gradient_steps[0] + j * s->gradient_steps[1];
                const int32_t sum = magnitudes(s, gradient + at);
                largest = sum > largest ? sum : largest;
            }
        }
    }
    return largest;
}

static int32_t sum_of(const edge_matmul_gradient *s, const int8_t *gradient, const int8_t *other) {
    int32_t sum = 0;
    for (int32_t k = 0; k < s->sizes[2]; k++) {
        sum += gradient[k * s->gradient_steps[2]] * (other[k * s->other_steps[2]] - s->zero_point);
    }
    return sum;
}

void edge_train_matmul_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_matmul_gradient *s = descriptor;
    const int8_t *gradient = in[0].data, *other = in[2].data;
    const int32_t right = edge_excess_bits(255 * meeting(s, gradient), 15);
    int16_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t b = 0; b < s->batches; b++) {
        for (int32_t i = 0; i < s->sizes[0]; i++) {
            for (int32_t j = 0; j < s->sizes[1]; j++) {
                const int32_t g = i * s->gradient_steps[0] + j * s->gradient_steps[1];
                const int32_t o = i * s->other_steps[0] + j * s->other_steps[1];
                *to++ = edge_medium(sum_of(s, gradient + g, other + o), right);
            }
        }
        gradient += s->gradient_size;
        other += s->other_size;
    }
    edge_set_exponent(&in[3], edge_exponent(&in[1]) + right);
}
