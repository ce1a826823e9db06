/* SPDX-License-Identifier: Apache-2.0
 *
 * out[i] = table[(uint8_t)(x[i] + 128)], 16 elements at a time, which are read completely before
 * any is written.
 */
#include "edge/kernels.h"

#ifdef __ARM_FEATURE_MVE

void edge_mve_lookup_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_lookup *layer = descriptor;
    const int8_t *from = edge_row(in, y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(from != NULL);
    __asm__ volatile("wlstp.8 lr, %4, 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%0], #16\n\t"
                     "vadd.i8 q0, q0, %3\n\t"
                     "vldrb.u8 q1, [%2, q0]\n\t"
                     "vstrb.8 q1, [%1], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(from), "+r"(to)
                     : "r"(layer->table), "r"(128), "r"(layer->elements)
                     : "q0", "q1", "lr", "memory");
}

#endif
