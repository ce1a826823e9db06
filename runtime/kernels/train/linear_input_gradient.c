/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear layer and convolution with a 1x1 kernel, from the gradient of the accumulators to that of
 * the input:
 *
 *     out[p][ic] = sum over oc of gradient[p][oc] * w[oc][ic], int16 after a shift
 *
 * The shift follows from the largest sum of magnitudes of a position, times 128. Scratch:
 * int32[in_c].
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train.h"

static int32_t largest_position(const int8_t *gradient, int32_t positions, int32_t channels) {
    int32_t largest = 0;
    for (int32_t p = 0; p < positions; p++) {
        int32_t sum = 0;
        for (int32_t c = 0; c < channels; c++) {
            sum += edge_magnitude(*gradient++);
        }
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

static void add_row(int32_t *sums, int32_t factor, const int8_t *w, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        sums[i] += factor * w[i];
    }
}

void edge_train_linear_input_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                      void *out, void *scratch) {
    const edge_window *s = descriptor;
    const int32_t positions = s->out_h * s->out_w, inputs = s->in_c, outputs = s->out_c;
    const int8_t *gradient = in[0].data;
    const int32_t right =
        edge_excess_bits(128 * largest_position(gradient, positions, outputs), 15);
    int32_t *sums = scratch;
    int16_t *to = out;
    (void)y;
    for (int32_t p = 0; p < positions; p++, gradient += outputs) {
        const int8_t *w = in[2].data;
        memset(sums, 0, (size_t)inputs * sizeof *sums);
        for (int32_t oc = 0; oc < outputs; oc++, w += inputs) {
            if (gradient[oc] != 0) {
                add_row(sums, gradient[oc], w, inputs);
            }
        }
        for (int32_t ic = 0; ic < inputs; ic++) {
            *to++ = edge_medium(sums[ic], right);
        }
    }
    edge_set_exponent(&in[3], edge_exponent(&in[1]) + right);
}
