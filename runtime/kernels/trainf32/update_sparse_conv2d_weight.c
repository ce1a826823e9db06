/* SPDX-License-Identifier: Apache-2.0
 *
 * trainf32/update_conv2d_weight for a weight of live blocks: dead ones have no gradient and stay 0.
 */
#include "edge/correlate_f32.h"
#include "edge/kernels.h"
#include "edge/train_blocks.h"

typedef struct {
    const edge_update_weight *layer;
    const edge_rows *in;
    int8_t *high;
    const float *gradient;
    float factor;
} filter;

/* Moves `count` blocks of one tap; `index` is that of the first weight. */
static void move_tap(const filter *f, int32_t tap, int32_t index, const uint8_t *column,
                     int32_t count) {
    for (int32_t n = 0; n < EDGE_BLOCK * count; n++, index++) {
        const int32_t channel = EDGE_BLOCK * column[n / EDGE_BLOCK] + n % EDGE_BLOCK;
        const int8_t *x = (const int8_t *)f->in[2].data + channel;
        const float sum = edge_correlate_f32(f->layer, f->gradient, x, tap);
        edge_update(f->layer, f->in, f->high, index, edge_float_step(sum, f->factor));
    }
}

void edge_trainf32_update_sparse_conv2d_weight(const void *descriptor, const edge_rows *in,
                                               int32_t y, void *out, void *scratch) {
    const edge_update_weight *layer = descriptor;
    const edge_window *s = &layer->window;
    const float *factor = in[5].data;
    const uint8_t *column = in[8].data, *count = in[9].data;
    int32_t index = 0;
    (void)y;
    (void)scratch;
    for (int32_t oc = 0; oc < s->out_c; oc++) {
        const filter f = {layer, in, out, (const float *)in[0].data + oc, factor[oc]};
        const int moves = edge_has_float_gradient(s, f.gradient);
        for (int32_t tap = 0; tap < s->kernel_h * s->kernel_w; tap++, count++) {
            if (moves) {
                move_tap(&f, tap, index, column, *count);
            }
            column += *count;
            index += EDGE_BLOCK * *count;
        }
    }
}
