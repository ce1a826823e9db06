/* SPDX-License-Identifier: Apache-2.0
 *
 * Any function of one int8 value, as a table of its 256 results, for 16 values at a time:
 *
 *     out[i] = table[x[i] + 128]
 *
 * The table lies in 16 registers, as four tables of 64 entries: TBL gives 0 for an index beyond the
 * first one, and TBX keeps what is there for an index beyond each of the others. 16 elements are
 * read completely before any is written. A32 has not enough registers: one element after the other.
 */
#include "edge/kernels.h"
#include "scale.h"

#ifdef __ARM_NEON
#ifdef __aarch64__

enum { GROUP = 16, PART = 64 };

typedef struct {
    int8x16x4_t part[4];
} tables;

EDGE_NEON_INLINE int8x16x4_t load_part(const int8_t *table) {
    const int8x16x4_t part = {
        {vld1q_s8(table), vld1q_s8(table + 16), vld1q_s8(table + 32), vld1q_s8(table + 48)}};
    return part;
}

EDGE_NEON_INLINE int8x16_t looked_up(const tables *t, int8x16_t x) {
    const uint8x16_t index = veorq_u8(vreinterpretq_u8_s8(x), vdupq_n_u8(0x80));
    const uint8x16_t part = vdupq_n_u8(PART);
    const uint8x16_t second = vsubq_u8(index, part), third = vsubq_u8(second, part);
    int8x16_t found = vqtbl4q_s8(t->part[0], index);
    found = vqtbx4q_s8(found, t->part[1], second);
    found = vqtbx4q_s8(found, t->part[2], third);
    return vqtbx4q_s8(found, t->part[3], vsubq_u8(third, part));
}

/* Looks up what makes whole groups; returns how many elements that are. */
static int32_t look_up_groups(const int8_t *table, const int8_t *x, int8_t *out, int32_t elements) {
    const tables t = {{load_part(table), load_part(table + PART), load_part(table + 2 * PART),
                       load_part(table + 3 * PART)}};
    int32_t i = 0;
    for (; i + GROUP <= elements; i += GROUP) {
        vst1q_s8(out + i, looked_up(&t, vld1q_s8(x + i)));
    }
    return i;
}

#else

static int32_t look_up_groups(const int8_t *table, const int8_t *x, int8_t *out, int32_t elements) {
    (void)table;
    (void)x;
    (void)out;
    (void)elements;
    return 0;
}

#endif

void edge_neon_lookup_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                         void *scratch) {
    const edge_lookup *layer = descriptor;
    const int8_t *x = edge_row(in, y);
    int8_t *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    for (int32_t i = look_up_groups(layer->table, x, to, layer->elements); i < layer->elements;
         i++) {
        to[i] = layer->table[x[i] + 128];
    }
}

#endif
