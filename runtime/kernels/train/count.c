/* SPDX-License-Identifier: Apache-2.0
 *
 * One more step, in place.
 */
#include "edge/kernels.h"
#include "edge/train.h"

void edge_train_count(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                      void *scratch) {
    (void)descriptor;
    (void)in;
    (void)y;
    (void)scratch;
    ++*(uint32_t *)out;
}
