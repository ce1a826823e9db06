/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling, int8, one output row, 8 channels at a time, or 1; the arithmetic is that of
 * runtime/kernels/ref/avg_pool2d_s8.c. The last 8 channels may repeat outputs of those before.
 *
 * Accumulator: kernel_h * kernel_w <= 255, so |sum| <= 255 * 128 < 2^15.
 *
 * TWICE divides by the count of positions: with r = ceil(2^30 / count), floor(a * r / 2^30) is
 * floor(a / count) for 0 <= a < 2^15 + 128, since a * count < 2^30. SQDMULH of 2a and r is the
 * former.
 */
#include "edge/kernels.h"
#include "edge/requantize.h"
#include "scale.h"
#include "window.h"

#ifdef __ARM_NEON

typedef struct {
    const edge_pool2d *layer;
    edge_neon_output output;
    int32_t count; /* positions of the window at hand */
} work;

EDGE_NEON_INLINE int32x4_t quotient(int32x4_t sum, int32_t count) {
    const int32x4_t sign = vshrq_n_s32(sum, 31);
    const int32x4_t size = vaddq_s32(vabsq_s32(sum), vdupq_n_s32(count / 2));
    const int32_t reciprocal = ((1 << 30) + count - 1) / count;
    const int32x4_t found = vqdmulhq_s32(vshlq_n_s32(size, 1), vdupq_n_s32(reciprocal));
    return vsubq_s32(veorq_s32(found, sign), sign);
}

EDGE_NEON_INLINE int32x4_t average(const work *w, int32x4_t sum) {
    const edge_requantize *q = &w->layer->requantize;
    if (q->rounding == EDGE_ROUND_TWICE) {
        return quotient(sum, w->count);
    }
    const int32_t k = (w->count - 1) * q->per_channel;
    const int32x4_t offset = vdupq_n_s32(w->count * w->layer->in_zero_point);
    return edge_neon_scaled_alike(vsubq_s32(sum, offset), q->multiplier[k], q->shift[k],
                                  EDGE_NEON_NEAREST);
}

static void make_8(const work *w, const edge_rows *in, const edge_neon_window *window, int32_t c,
                   int8_t *out) {
    int16x8_t sum = vdupq_n_s16(0);
    for (int32_t row = 0; row < window->rows; row++) {
        const int8_t *x = (const int8_t *)edge_row(in, window->y + row) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += w->layer->in_c) {
            sum = vaddw_s8(sum, vld1_s8(x));
        }
    }
    const int32x4_t low = average(w, vmovl_s16(vget_low_s16(sum)));
    const int32x4_t high = average(w, vmovl_s16(vget_high_s16(sum)));
    vst1_s8(out + c, edge_neon_output_8(&w->output, low, high));
}

static void make_1(const work *w, const edge_rows *in, const edge_neon_window *window, int32_t c,
                   int8_t *out) {
    int8_t outputs[8];
    int32_t sum = 0;
    for (int32_t row = 0; row < window->rows; row++) {
        const int8_t *x = (const int8_t *)edge_row(in, window->y + row) + window->offset + c;
        for (int32_t i = window->columns; i > 0; i--, x += w->layer->in_c) {
            sum += *x;
        }
    }
    const int32x4_t found = average(w, vdupq_n_s32(sum));
    vst1_s8(outputs, edge_neon_output_8(&w->output, found, found));
    out[c] = outputs[0];
}

void edge_neon_avg_pool2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                             void *scratch) {
    const edge_pool2d *layer = descriptor;
    const edge_requantize *q = &layer->requantize;
    const int8_t zero_point = q->rounding == EDGE_ROUND_ONCE ? q->zero_point : 0;
    work w = {layer, edge_neon_output_of(zero_point, q->minimum, q->maximum), 0};
    int8_t *to = out;
    (void)scratch;
    for (int32_t ox = 0; ox < layer->out_w; ox++, to += layer->in_c) {
        const edge_neon_window window = edge_neon_window_of(layer, in, y, ox);
        int32_t c = 0;
        w.count = window.rows * window.columns;
        for (; c + 8 <= layer->in_c; c += 8) {
            make_8(&w, in, &window, c, to);
        }
        if (c < layer->in_c && c > 0) {
            make_8(&w, in, &window, layer->in_c - 8, to);
            c = layer->in_c;
        }
        for (; c < layer->in_c; c++) {
            make_1(&w, in, &window, c, to);
        }
    }
}

#endif
