/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "edge/requantize.h"

typedef struct {
    int32_t value, multiplier, shift, once, twice;
} scale_case;

#define HALF (1 << 30) /* 0.5 in Q31 */

/* once: the exact quotient, halves up. twice: the same for the product with the multiplier, then
 * halves away from zero for the shift. */
static const scale_case SCALES[] = {
    {3, HALF, 0, 2, 2},      /*  1.5 */
    {-3, HALF, 0, -1, -1},   /* -1.5, halves up */
    {1, HALF, -1, 0, 1},     /*  0.25, twice makes it 0.5 and then 1 */
    {-1, HALF, -1, 0, 0},    /* -0.25 */
    {2, HALF, -1, 1, 1},     /*  0.5 */
    {-2, HALF, -1, 0, -1},   /* -0.5 */
    {-6, HALF, -1, -1, -2},  /* -1.5 */
    {-10, HALF, -2, -1, -1}, /* -1.25 */
    {5, HALF, 2, 10, 10},
    {-5, HALF, 3, -20, -20},
    {12345, 0, 0, 0, 0},
    {INT32_MAX, HALF, 0, HALF, HALF},
    {INT32_MIN, HALF, 0, -HALF, -HALF},
    {INT32_MAX, HALF, -30, 1, 1},
    {INT32_MIN, HALF, -31, 0, -1}, /* -0.5: half up against half away from zero */
    {INT32_MIN, INT32_MAX, 0, -INT32_MAX, -INT32_MAX},
    {INT32_MAX, INT32_MAX, 0, INT32_MAX - 1, INT32_MAX - 1},
};

static void test_scales(void) {
    for (int32_t i = 0; i < COUNT(SCALES); i++) {
        const scale_case *c = &SCALES[i];
        expect("once", c->once, edge_scale_once(c->value, c->multiplier, c->shift));
        expect("twice", c->twice, edge_scale_twice(c->value, c->multiplier, c->shift));
        expect("by form", c->twice,
               edge_scale(c->value, c->multiplier, c->shift, EDGE_ROUND_TWICE));
    }
}

/* Every tie of every right shift goes away from zero, its neighbours to the nearest. */
static void test_ties_go_away_from_zero(void) {
    for (int32_t right = 1; right <= 30; right++) {
        const int32_t half = 1 << (right - 1);
        expect("tie", 1, edge_divide_by_power(half, right));
        expect("below tie", 0, edge_divide_by_power(half - 1, right));
        expect("negative tie", -1, edge_divide_by_power(-half, right));
        expect("above negative tie", 0, edge_divide_by_power(-half + 1, right));
    }
}

static void test_store_clamps_without_overflow(void) {
    expect("largest", 127, edge_store(INT32_MAX, 127, -128, 127));
    expect("smallest", -128, edge_store(INT32_MIN, -128, -128, 127));
    expect("relu", 5, edge_store(-1, 5, 5, 127));
    expect("relu6", 40, edge_store(1000, -128, -128, 40));
    expect("inside", 10, edge_store(7, 3, -128, 127));
}

static void test_channels_have_their_own_constants(void) {
    static const int32_t multiplier[] = {HALF, HALF / 2};
    static const int8_t shift[] = {0, 1};
    edge_requantize q = {NULL, multiplier, shift, 1, EDGE_ROUND_ONCE, 1, -128, 127};
    expect("channel 0", 51, edge_requantized(&q, 0, 100));
    expect("channel 1", 51, edge_requantized(&q, 1, 100));
    q.per_channel = 0;
    expect("one for all", 51, edge_requantized(&q, 1, 100));
}

static uint32_t state = 1;

static uint32_t next_random(void) {
    state = state * 1664525u + 1013904223u;
    return state;
}

/* The accumulator and multiplier of group t, place i: random magnitudes, then extremes (t < 32) and
 * exact ties (t < 64) instead. */
static void draw(int32_t t, int32_t i, int32_t *acc, int32_t *multiplier) {
    static const int32_t accs[] = {0, 1, -1, INT32_MAX, INT32_MIN, HALF, -HALF, 12345};
    static const int32_t multipliers[] = {0, 1, HALF - 1, 1 << 29};
    const uint32_t a = next_random();
    const uint32_t m = next_random();
    *acc = (int32_t)a >> (a >> 3 & 15);
    *multiplier = (int32_t)(m >> 2 >> (m & 15));
    if (t < 32) {
        *acc = accs[t >> 2];
        *multiplier = multipliers[i];
    } else if (t < 64) {
        *multiplier = 1 << (15 + (t & 7));
        *acc = (2 * (t - 48) + 1) * (1 << (15 - (t & 7)));
    }
}

/* FNV-1a of 16,384 results; the same on every instruction set and in numpy. */
static void test_hash_of_single_rounding(void) {
    static const int8_t zero_points[] = {0, -128, 127, 5};
    static const int8_t no_shift = 0;
    uint32_t hash = 2166136261u;
    for (int32_t t = 0; t < 4096; t++) {
        const int8_t zero_point = zero_points[t & 3];
        const int8_t minimum = t & 4 ? zero_point : (int8_t)-128;
        for (int32_t i = 0; i < 4; i++) {
            int32_t acc;
            int32_t multiplier;
            draw(t, i, &acc, &multiplier);
            const edge_requantize q = {NULL,       &multiplier, &no_shift, 0, EDGE_ROUND_ONCE,
                                       zero_point, minimum,     127};
            hash = (hash ^ (uint8_t)edge_requantized(&q, 0, acc)) * 16777619u;
        }
    }
    expect("hash", 0xa073842, (long)hash);
}

int main(void) {
    test_scales();
    test_ties_go_away_from_zero();
    test_store_clamps_without_overflow();
    test_channels_have_their_own_constants();
    test_hash_of_single_rounding();
    return failures;
}
