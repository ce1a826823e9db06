/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns of a row of a convolution with the padding beside them.
 */
#ifndef EDGE_COLUMNS_H
#define EDGE_COLUMNS_H

#include "edge/edge.h"
#include "edge/memory.h"

/* `count` columns of a row from column ix on; those outside the input hold the zero point. */
static inline void edge_copy_columns(const edge_conv2d *layer, const int8_t *row, int32_t ix,
                                     int32_t count, int8_t *to) {
    const int32_t depth = layer->in_c;
    for (; count > 0 && ix < 0; count--, ix++, to += depth) {
        memset(to, layer->in_zero_point, (size_t)depth);
    }
    const int32_t room = layer->in_w - ix;
    const int32_t inside = room < 0 ? 0 : room < count ? room : count;
    if (inside > 0) {
        memcpy(to, row + ix * depth, (size_t)(inside * depth));
    }
    if (count > inside) {
        memset(to + inside * depth, layer->in_zero_point, (size_t)((count - inside) * depth));
    }
}

#endif
