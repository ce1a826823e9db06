/* SPDX-License-Identifier: Apache-2.0
 *
 * train/conv2d_input_gradient for a weight of live blocks. Scratch: int32[in_c] and, for each tap,
 * the output position that it joins to the input position at hand.
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train_blocks.h"

static void find_reached(int32_t *reached, const edge_window *s, int32_t iy, int32_t ix) {
    for (int32_t ky = 0; ky < s->kernel_h; ky++) {
        const int32_t oy = edge_reached(iy, s->pad_top, ky, s->dilation_h, s->stride_h, s->out_h);
        for (int32_t kx = 0; kx < s->kernel_w; kx++) {
            const int32_t ox =
                edge_reached(ix, s->pad_left, kx, s->dilation_w, s->stride_w, s->out_w);
            *reached++ = oy >= 0 && ox >= 0 ? (oy * s->out_w + ox) * s->out_c : -1;
        }
    }
}

static void add_block(int32_t *sums, int32_t factor, const int8_t *w) {
    for (int32_t i = 0; i < EDGE_BLOCK; i++) {
        sums[i] += factor * w[i];
    }
}

static void add_blocks(int32_t *sums, const int32_t *reached, const edge_window *s,
                       const edge_rows *in) {
    const int32_t taps = s->kernel_h * s->kernel_w;
    const int8_t *gradient = in[0].data, *w = in[2].data;
    const uint8_t *column = in[3].data, *count = in[4].data;
    for (int32_t oc = 0; oc < s->out_c; oc++) {
        for (int32_t tap = 0; tap < taps; tap++, count++) {
            const int32_t factor = reached[tap] < 0 ? 0 : gradient[reached[tap] + oc];
            for (int32_t i = 0; factor != 0 && i < *count; i++) {
                add_block(sums + EDGE_BLOCK * column[i], factor, w + EDGE_BLOCK * i);
            }
            column += *count;
            w += EDGE_BLOCK * *count;
        }
    }
}

void edge_train_sparse_conv2d_input_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                             void *out, void *scratch) {
    const edge_window *s = descriptor;
    const int32_t right = edge_excess_bits(128 * edge_meeting(s, in[0].data), 15);
    int32_t *sums = scratch, *reached = sums + s->in_c;
    int16_t *to = out;
    (void)y;
    for (int32_t p = 0; p < s->in_h * s->in_w; p++) {
        memset(sums, 0, (size_t)s->in_c * sizeof *sums);
        find_reached(reached, s, p / s->in_w, p % s->in_w);
        add_blocks(sums, reached, s, in);
        for (int32_t ic = 0; ic < s->in_c; ic++) {
            *to++ = edge_medium(sums[ic], right);
        }
    }
    edge_set_exponent(&in[5], edge_exponent(&in[1]) + right);
}
