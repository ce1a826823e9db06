/* SPDX-License-Identifier: Apache-2.0
 *
 * train/narrow_gradient, 4 elements at a time; their number is a multiple of 4.
 */
#include "edge/kernels.h"
#include "edge/train_dsp.h"

#ifdef __ARM_FEATURE_DSP

/* Of two pairs of int16 the larger ones, or the smaller ones. */
static uint32_t larger(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("ssub16 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(r) : "r"(a), "r"(b) : "cc");
    return r;
}

static uint32_t smaller(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("ssub16 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(r) : "r"(a), "r"(b) : "cc");
    return r;
}

static int32_t larger_magnitude(uint32_t pair) {
    const int32_t low = edge_magnitude(edge_train_low(pair));
    const int32_t high = edge_magnitude(edge_train_high(pair));
    return low > high ? low : high;
}

static int32_t largest_of(const int16_t *wide, int32_t elements) {
    uint32_t most = 0, least = 0;
    for (; elements > 0; elements -= 4, wide += 4) {
        const uint32_t first = edge_dsp_load(wide), second = edge_dsp_load(wide + 2);
        most = larger(larger(most, first), second);
        least = smaller(smaller(least, first), second);
    }
    const int32_t above = larger_magnitude(most), below = larger_magnitude(least);
    return above > below ? above : below;
}

void edge_traindsp_narrow_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const edge_elements *layer = descriptor;
    const int16_t *wide = in[0].data;
    const int32_t exponent = edge_exponent(&in[1]);
    const int32_t right = edge_excess_bits(largest_of(wide, layer->elements), 7);
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t left = layer->elements; left > 0; left -= 4, wide += 4, to += 4) {
        const edge_train_four four = {wide[0], wide[1], wide[2], wide[3]};
        edge_dsp_store(to, edge_train_narrow_4(four, right));
    }
    edge_set_exponent(&in[2], exponent + right);
}

#endif
