/* SPDX-License-Identifier: Apache-2.0
 *
 * Gate inputs of a recurrent operator; edge/dsp_recurrent.h.
 */
#include "edge/dsp_recurrent.h"

#ifdef __ARM_FEATURE_DSP

enum { TOGETHER = 16 }; /* rows, a multiple of 4 */

/* clamp16((sum * multiplier * 2^(shift + 1) + 2^31) >> 32), which is edge_gate_input. */
static inline int16_t gate_input(int32_t sum, int32_t multiplier, int32_t shift) {
    int32_t r;
    __asm__("smmulr %0, %1, %2\n\tssat %0, #16, %0"
            : "=r"(r)
            : "r"((int32_t)((uint32_t)sum << (shift + 1))), "r"(multiplier)
            : "cc");
    return (int16_t)r;
}

void edge_dsp_gate_inputs(const edge_projection *projection, int32_t rows, const int8_t *x,
                          int16_t *gates, void *scratch) {
    int32_t sums[TOGETHER];
    edge_dsp_project project = {scratch, projection->weights,        projection->bias, sums,
                                NULL,    (projection->size + 3) >> 2};
    edge_dsp_widen_1(scratch, x, projection->size);
    for (int32_t row = 0; row < rows; row += TOGETHER) {
        const int32_t count = rows - row < TOGETHER ? rows - row : TOGETHER;
        const int32_t whole = edge_dsp_round_up(count);
        project.end = sums + whole;
        edge_dsp_project_1x4(&project);
        for (int32_t i = 0; i < count; i++) {
            gates[row + i] =
                gate_input(sums[i], projection->multiplier[row + i], projection->shift[row + i]);
        }
        project.weights = (const char *)project.weights + whole * project.units * 4;
        project.starts += whole;
    }
}

#endif
