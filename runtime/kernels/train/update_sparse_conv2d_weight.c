/* SPDX-License-Identifier: Apache-2.0
 *
 * train/update_conv2d_weight for a weight of live blocks: dead ones have no gradient and stay 0.
 * An output channel without any gradient is left out: its step is 0.
 */
#include "edge/kernels.h"
#include "edge/train_blocks.h"

static int32_t sum_span(const edge_window *s, const edge_span *at, const int8_t *gradient) {
    int32_t sum = 0;
    for (int32_t row = 0; row < at->rows; row++) {
        const int8_t *from = gradient + (at->out + row * at->out_row) * s->out_c;
        for (int32_t i = 0; i < at->columns; i++) {
            sum += from[i * s->out_c];
        }
    }
    return sum;
}

static void correlate(int32_t *sums, const edge_window *s, const edge_span *at,
                      const int8_t *gradient, const int8_t *x) {
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t row = 0; row < at->rows; row++) {
        const int8_t *from = gradient + (at->out + row * at->out_row) * s->out_c;
        const int8_t *with = x + at->in + row * at->in_row;
        for (int32_t i = 0; i < at->columns; i++, from += s->out_c, with += at->in_step) {
            s0 += *from * with[0];
            s1 += *from * with[1];
            s2 += *from * with[2];
            s3 += *from * with[3];
        }
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

typedef struct {
    const edge_update_weight *layer;
    const edge_rows *in;
    int8_t *high;
    int32_t mantissa, shift, exponent, oc;
} filter;

/* Moves `count` blocks of one tap; `index` is that of the first weight. */
static void move_tap(const filter *f, int32_t tap, int32_t index, const uint8_t *column,
                     int32_t count) {
    const edge_window *s = &f->layer->window;
    const edge_span span = edge_span_of(s, tap);
    const int8_t *gradient = (const int8_t *)f->in[0].data + f->oc, *x = f->in[2].data;
    const int32_t less = f->layer->in_zero_point * sum_span(s, &span, gradient);
    for (int32_t n = 0; n < count; n++) {
        int32_t sums[EDGE_BLOCK];
        correlate(sums, s, &span, gradient, x + EDGE_BLOCK * column[n]);
        for (int32_t i = 0; i < EDGE_BLOCK; i++, index++) {
            const int32_t step =
                edge_fixed_step(sums[i] - less, f->mantissa, f->shift, f->exponent);
            edge_update(f->layer, f->in, f->high, index, step);
        }
    }
}

void edge_train_update_sparse_conv2d_weight(const void *descriptor, const edge_rows *in, int32_t y,
                                            void *out, void *scratch) {
    const edge_update_weight *layer = descriptor;
    const edge_window *s = &layer->window;
    const int32_t taps = s->kernel_h * s->kernel_w;
    const int16_t *mantissa = in[5].data;
    const int8_t *shift = in[6].data;
    const uint8_t *column = in[8].data, *count = in[9].data;
    int32_t index = 0;
    (void)y;
    (void)scratch;
    for (int32_t oc = 0; oc < s->out_c; oc++) {
        const filter f = {layer, in, out, mantissa[oc], shift[oc], edge_exponent(&in[1]), oc};
        const int moves =
            mantissa[oc] != 0 && edge_has_gradient(s, (const int8_t *)in[0].data + oc);
        for (int32_t tap = 0; tap < taps; tap++, count++) {
            if (moves && *count != 0) {
                move_tap(&f, tap, index, column, *count);
            }
            column += *count;
            index += EDGE_BLOCK * *count;
        }
    }
}
