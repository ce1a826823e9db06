/* SPDX-License-Identifier: Apache-2.0
 *
 * Pairs of neighbours turned by the angles of a position, at the scale they have.
 */
#include "edge/decoder.h"
#include "edge/kernels.h"

static int8_t stored(int32_t value) {
    return (int8_t)edge_clamp(edge_turned(value, 14), INT8_MIN, INT8_MAX);
}

void edge_ref_rotary_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_rotary *layer = descriptor;
    const int8_t *x = in[0].data;
    const int32_t position = edge_position(in + 1), head = 2 * layer->pairs;
    int8_t *to = out;
    (void)y;
    (void)scratch;
    for (int32_t j = 0; j < head; j += 2) {
        const edge_turn turn = edge_turn_of(layer, position, j / 2);
        for (int32_t i = j; i < layer->elements; i += head) {
            const int32_t even = x[i], odd = x[i + 1];
            to[i] = stored(even * turn.c - odd * turn.s);
            to[i + 1] = stored(even * turn.s + odd * turn.c);
        }
    }
}
