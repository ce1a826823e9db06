/* SPDX-License-Identifier: Apache-2.0
 *
 * Resize, from the gradient of the output to that of the input: each output pixel gives its
 * gradient to the pixels it was made of, times their weights; output pixels in reading order.
 */
#include "edge/resize_gradient.h"
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/train_f32.h"

void edge_trainf32_resize_gradient(const void *descriptor, const edge_rows *in, int32_t y,
                                   void *out, void *scratch) {
    const edge_resize_gradient *s = descriptor;
    const float *gradient = in[0].data;
    (void)y;
    (void)scratch;
    memset(out, 0, (size_t)(s->in_h * s->in_w * s->channels) * sizeof *gradient);
    for (int32_t p = 0; p < s->out_h * s->out_w; p++, gradient += s->channels) {
        const edge_resize_parts parts = edge_resize_parts_of(s, in, p / s->out_w, p % s->out_w);
        for (int32_t k = 0; k < parts.count; k++) {
            const float weight = (float)parts.weight[k] * (1.0f / 1048576.0f);
            float *to = (float *)out + parts.pixel[k] * s->channels;
            for (int32_t c = 0; c < s->channels; c++) {
                to[c] += gradient[c] * weight;
            }
        }
    }
}
