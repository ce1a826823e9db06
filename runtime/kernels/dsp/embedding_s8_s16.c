/* SPDX-License-Identifier: Apache-2.0
 *
 * A row of a table as int16; the arithmetic is that of ref/embedding_s8_s16.c. The table is packed
 * as the weights of linear_s8.c are, so that a classifier of the same matrix shares it; rows and
 * channels are multiples of 4.
 *
 * A unit is 4 rows x 4 channels in 4 words: two words of rows 0 and 1 with the channels 0, 2, then
 * 1, 3, and two words of rows 2 and 3. A half holds even + 256 * odd of two rows.
 */
#include "edge/decoder.h"
#include "edge/dsp.h"
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_DSP

/* The weight of a row, 0 or 1 of two, in a half. */
static int32_t weight(int16_t half, int32_t odd) {
    const int8_t even = (int8_t)(half & 0xff);
    return odd ? (half - even) >> 8 : even;
}

void edge_dsp_embedding_s8_s16(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                               void *scratch) {
    static const uint8_t order[] = {0, 2, 1, 3};
    const edge_embedding *layer = descriptor;
    const int32_t token = edge_token(layer, in);
    const int32_t multiplier = layer->multiplier[token * layer->per_row];
    const int16_t *unit = (const int16_t *)layer->table + (token >> 2) * 2 * layer->width;
    int16_t *to = out;
    (void)y;
    (void)scratch;
    unit += (token & 2) * 2;
    for (int32_t i = 0; i < layer->width; i += 4, unit += 8) {
        for (int32_t j = 0; j < 4; j++) {
            const int32_t value = weight(unit[j], token & 1);
            const int32_t made = edge_into_stream(value, multiplier, layer->shift);
            to[i + order[j]] = edge_saturated16(made);
        }
    }
}

#endif
