/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution, from the gradient of the accumulators to that of the input:
 *
 *     out[iy][ix][c] = sum over oy, ox whose window holds (iy, ix), and over the repeats of c, of
 *                      gradient[oy][ox][c * repeats + r] * w[ky][kx][c * repeats + r]
 *
 * int16 after a shift that follows from the largest magnitude, times what can meet, times 128.
 * Scratch: int32[in_c].
 */
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train.h"

static int32_t largest_of(const int8_t *gradient, int32_t count) {
    int32_t largest = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t magnitude = edge_magnitude(gradient[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

static void add_tap(int32_t *sums, const edge_window *s, const int8_t *gradient, const int8_t *w) {
    const int32_t repeats = s->out_c / s->in_c;
    for (int32_t c = 0; c < s->in_c; c++) {
        for (int32_t r = 0; r < repeats; r++) {
            sums[c] += *gradient++ * *w++;
        }
    }
}

static void add_windows(int32_t *sums, const edge_window *s, const int8_t *gradient,
                        const int8_t *w, int32_t iy, int32_t ix) {
    for (int32_t ky = 0; ky < s->kernel_h; ky++) {
        const int32_t oy = edge_reached(iy, s->pad_top, ky, s->dilation_h, s->stride_h, s->out_h);
        for (int32_t kx = 0; kx < s->kernel_w; kx++, w += s->out_c) {
            const int32_t ox =
                edge_reached(ix, s->pad_left, kx, s->dilation_w, s->stride_w, s->out_w);
            if (oy >= 0 && ox >= 0) {
                add_tap(sums, s, gradient + (oy * s->out_w + ox) * s->out_c, w);
            }
        }
    }
}

void edge_train_depthwise_conv2d_input_gradient(const void *descriptor, const edge_rows *in,
                                                int32_t y, void *out, void *scratch) {
    const edge_window *s = descriptor;
    const int32_t largest = largest_of(in[0].data, s->out_h * s->out_w * s->out_c);
    const int32_t most = edge_overlap(s) * (s->out_c / s->in_c) * largest;
    const int32_t right = edge_excess_bits(128 * most, 15);
    int32_t *sums = scratch;
    int16_t *to = out;
    (void)y;
    for (int32_t p = 0; p < s->in_h * s->in_w; p++) {
        memset(sums, 0, (size_t)s->in_c * sizeof *sums);
        add_windows(sums, s, in[0].data, in[2].data, p / s->in_w, p % s->in_w);
        for (int32_t c = 0; c < s->in_c; c++) {
            *to++ = edge_medium(sums[c], right);
        }
    }
    edge_set_exponent(&in[3], edge_exponent(&in[1]) + right);
}
