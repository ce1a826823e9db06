/* SPDX-License-Identifier: Apache-2.0
 *
 * train/linear_input_gradient, 4 positions and 2 input channels at a time.
 *
 * in_c and out_c are even. Scratch: the strip, 8 bytes for each output channel.
 */
#include "edge/kernels.h"
#include "edge/train_dsp.h"

#ifdef __ARM_FEATURE_DSP

/* Neighbouring gradients of one position become pairs. */
static void widen(uint32_t *strip, const int8_t *gradient, int32_t channels) {
    for (; channels >= 4; channels -= 4, gradient += 4, strip += 2 * EDGE_TRAIN_STRIP) {
        const uint32_t word = edge_dsp_load(gradient);
        const uint32_t even = edge_train_even(word), odd = edge_train_odd(word);
        strip[0] = (even & 0xffff) | odd << 16;
        strip[EDGE_TRAIN_STRIP] = even >> 16 | (odd & 0xffff0000u);
    }
    if (channels > 0) {
        *strip = edge_train_pair(gradient[0], gradient[1]);
    }
}

/* The largest sum of magnitudes of a position. */
static int32_t largest_position(const int8_t *gradient, int32_t positions, int32_t channels) {
    int32_t largest = 0;
    for (; positions > 0; positions--) {
        uint32_t total = 0;
        int32_t c = channels;
        for (; c >= 4; c -= 4, gradient += 4) {
            total = edge_train_add_magnitudes(total, edge_dsp_load(gradient));
        }
        for (; c > 0; c--, gradient++) {
            total += (uint32_t)edge_magnitude(*gradient);
        }
        largest = (int32_t)total > largest ? (int32_t)total : largest;
    }
    return largest;
}

static void store(const int32_t *sums, int32_t right, int32_t positions, int32_t pitch,
                  int16_t *out) {
    for (; positions > 0; positions--, out += pitch, sums++) {
        const int32_t first = edge_medium(sums[0], right);
        edge_dsp_store(out, edge_train_pair(first, edge_medium(sums[EDGE_TRAIN_STRIP], right)));
    }
}

void edge_traindsp_linear_input_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                         void *out, void *scratch) {
    const edge_window *s = descriptor;
    const int32_t count = s->out_h * s->out_w, inputs = s->in_c, outputs = s->out_c;
    const int8_t *gradient = in[0].data;
    const int32_t right = edge_excess_bits(128 * largest_position(gradient, count, outputs), 15);
    uint32_t *strip = scratch;
    int32_t sums[2 * EDGE_TRAIN_STRIP];
    edge_train_products products = {strip, NULL, inputs, outputs / 2, sums};
    int16_t *to = out;
    (void)y;
    for (int32_t left = count; left > 0; left -= EDGE_TRAIN_STRIP) {
        const int32_t positions = left < EDGE_TRAIN_STRIP ? left : EDGE_TRAIN_STRIP;
        for (int32_t p = 0; p < positions; p++, gradient += outputs) {
            widen(strip + p, gradient, outputs);
        }
        products.weights = in[2].data;
        for (int32_t ic = 0; ic < inputs; ic += 2, products.weights += 2) {
            edge_traindsp_columns_4x2(&products);
            store(sums, right, positions, inputs, to + ic);
        }
        to += positions * inputs;
    }
    edge_set_exponent(&in[3], edge_exponent(&in[1]) + right);
}

#endif
