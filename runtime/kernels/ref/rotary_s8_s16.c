/* SPDX-License-Identifier: Apache-2.0
 *
 * Pairs of neighbours turned by the angles of a position, at a scale 128 times finer: magnitudes
 * stay below 128 * 128 * sqrt(2).
 */
#include "edge/decoder.h"
#include "edge/kernels.h"

void edge_ref_rotary_s8_s16(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                            void *scratch) {
    const edge_rotary *layer = descriptor;
    const int8_t *x = in[0].data;
    const int32_t position = edge_position(in + 1), head = 2 * layer->pairs;
    int16_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t j = 0; j < head; j += 2) {
        const edge_turn turn = edge_turn_of(layer, position, j / 2);
        for (int32_t i = j; i < layer->elements; i += head) {
            const int32_t even = x[i], odd = x[i + 1];
            to[i] = (int16_t)edge_turned(even * turn.c - odd * turn.s, 7);
            to[i + 1] = (int16_t)edge_turned(even * turn.s + odd * turn.c, 7);
        }
    }
}
