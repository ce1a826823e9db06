/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pool, int8, as ref/avg_pool2d_s8, with the mask of what was not clamped.
 */
#include "edge/kernels.h"
#include "edge/train.h"

/* Sum and number of the positions of a window inside of the input. */
static int32_t sum_of(const edge_window *s, const int8_t *x, int32_t oy, int32_t ox,
                      int32_t *count) {
    int32_t sum = 0;
    *count = 0;
    for (int32_t ky = 0; ky < s->kernel_h; ky++) {
        const int32_t iy = oy * s->stride_h - s->pad_top + ky;
        for (int32_t kx = 0; kx < s->kernel_w; kx++) {
            const int32_t ix = ox * s->stride_w - s->pad_left + kx;
            if (iy >= 0 && iy < s->in_h && ix >= 0 && ix < s->in_w) {
                sum += x[(iy * s->in_w + ix) * s->in_c];
                ++*count;
            }
        }
    }
    return sum;
}

static int8_t average(const edge_live *layer, int32_t sum, int32_t count, edge_mask *mask) {
    const edge_requantize *q = &layer->requantize;
    if (q->rounding == EDGE_ROUND_ONCE) {
        return edge_requantize_masked(q, count - 1, sum - count * layer->in_zero_point, mask);
    }
    const int32_t mean = (sum + (sum < 0 ? -(count / 2) : count / 2)) / count;
    edge_mask_put(mask, mean >= q->minimum && mean <= q->maximum);
    return (int8_t)edge_clamp(mean, q->minimum, q->maximum);
}

void edge_train_masked_avg_pool2d(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_live *layer = descriptor;
    const edge_window *s = &layer->window;
    edge_mask mask = {(uint8_t *)in[1].data, 0, 0};
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t p = 0; p < s->out_h * s->out_w; p++) {
        for (int32_t c = 0; c < s->in_c; c++) {
            int32_t count;
            const int8_t *x = (const int8_t *)in[0].data + c;
            const int32_t sum = sum_of(s, x, p / s->out_w, p % s->out_w, &count);
            *to++ = average(layer, sum, count, &mask);
        }
    }
    edge_mask_end(&mask);
}
