/* SPDX-License-Identifier: Apache-2.0
 *
 * Resize, from the gradient of the output to that of the input: each output pixel gives its
 * gradient to the pixels it was made of, times their weights in Q10 (nearest: 1), brought to int8.
 * Scratch: int32[elements of the input].
 */
#include "edge/resize_gradient.h"
#include "edge/kernels.h"
#include "edge/memory.h"

static void add_pixel(int32_t *sums, const int8_t *gradient, int32_t weight, int32_t channels) {
    for (int32_t c = 0; c < channels; c++) {
        sums[c] += gradient[c] * weight;
    }
}

static void add_up(int32_t *sums, const edge_resize_gradient *s, const edge_rows *in) {
    const int8_t *gradient = in[0].data;
    for (int32_t p = 0; p < s->out_h * s->out_w; p++, gradient += s->channels) {
        const edge_resize_parts parts = edge_resize_parts_of(s, in, p / s->out_w, p % s->out_w);
        for (int32_t k = 0; k < parts.count; k++) {
            const int32_t weight = parts.count == 1 ? 1 : edge_half_up(parts.weight[k], 10);
            add_pixel(sums + parts.pixel[k] * s->channels, gradient, weight, s->channels);
        }
    }
}

void edge_train_resize_gradient(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_resize_gradient *s = descriptor;
    const int32_t elements = s->in_h * s->in_w * s->channels;
    int32_t *sums = scratch, largest = 0;
    int8_t *to = out;
    (void)y;
    memset(sums, 0, (size_t)elements * sizeof *sums);
    add_up(sums, s, in);
    for (int32_t i = 0; i < elements; i++) {
        largest = edge_magnitude(sums[i]) > largest ? edge_magnitude(sums[i]) : largest;
    }
    const int32_t right = edge_excess_bits(largest, 7);
    for (int32_t i = 0; i < elements; i++) {
        to[i] = edge_narrow(sums[i], right);
    }
    edge_set_exponent(&in[6], edge_exponent(&in[1]) + right);
}
