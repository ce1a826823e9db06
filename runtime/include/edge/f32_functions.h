/* SPDX-License-Identifier: Apache-2.0
 *
 * Exponential, logarithm and what is made of them in float32, from additions, multiplications and
 * divisions alone, so that all machines and numpy (edge.reference.float_functions, the same steps
 * in the same order) agree in every bit. Errors are a few units in the last place; the tests state
 * them.
 *
 * Method: exp(x) = 2^n exp(r) with n = round(x / ln 2) and ln 2 in two parts (Cody and Waite 1980),
 * polynomials fitted at Chebyshev points.
 */
#ifndef EDGE_F32_FUNCTIONS_H
#define EDGE_F32_FUNCTIONS_H

#include "edge/f32.h"

typedef union {
    float value;
    uint32_t bits;
} edge_f32_bits;

static inline float edge_f32_of(uint32_t bits) {
    const edge_f32_bits made = {.bits = bits};
    return made.value;
}

static inline uint32_t edge_bits_of(float value) {
    const edge_f32_bits made = {.value = value};
    return made.bits;
}

/* 2^n for -126 <= n <= 127. */
static inline float edge_power_of_two(int32_t n) {
    return edge_f32_of((uint32_t)(n + 127) << 23);
}

/* exp(r) - 1 for |r| <= 0.35. */
static inline float edge_expm1_near_0(float r) {
    float p = 0x1.a12a32p-13f;
    p = p * r + 0x1.6d15fcp-10f;
    p = p * r + 0x1.1110e0p-7f;
    p = p * r + 0x1.555516p-5f;
    p = p * r + 0x1.555556p-3f;
    p = p * r + 0.5f;
    return r + r * r * p;
}

static inline float edge_exp(float x) {
    const float whole = 0x1.8p+23f;
    if (!(x < 0x1.62e43p+6f)) {
        return x + EDGE_INFINITY;
    }
    if (x < -104.0f) {
        return 0.0f;
    }
    const float n = (x * 0x1.715476p+0f + whole) - whole;
    const float r = (x - n * 0x1.63p-1f) + n * 0x1.bd0106p-13f;
    const int32_t power = (int32_t)n, half = power / 2;
    const float y = 1.0f + edge_expm1_near_0(r);
    return y * edge_power_of_two(half) * edge_power_of_two(power - half);
}

static inline float edge_expm1(float x) {
    return x > -0.34f && x < 0.34f ? edge_expm1_near_0(x) : edge_exp(x) - 1.0f;
}

static inline float edge_absolute(float x) {
    return edge_f32_of(edge_bits_of(x) & 0x7fffffffu);
}

static inline float edge_sigmoid(float x) {
    const float e = edge_exp(-edge_absolute(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

static inline float edge_tanh(float x) {
    const float a = edge_absolute(x);
    const float t = edge_expm1(a < 10.0f ? 2.0f * a : 20.0f);
    const float y = t / (t + 2.0f);
    return x < 0.0f ? -y : y;
}

/* x times the normal distribution function, whose tail is exp(-x^2 / 2) g(|x|): x^2 is taken in
 * two parts, for its error would be multiplied by x^2. */
static inline float edge_gelu(float x) {
    const float a = edge_absolute(x) < 15.0f ? edge_absolute(x) : 15.0f;
    const float high = edge_f32_of(edge_bits_of(a) & 0xfffff000u);
    const float e = edge_exp(high * high * -0.5f) * edge_exp((a - high) * (a + high) * -0.5f);
    const float t = 1.0f / (1.0f + a * 0.25f);
    float p = 0x1.1e80c6p-6f;
    p = p * t - 0x1.15a3bap-4f;
    p = p * t + 0x1.04578ap-4f;
    p = p * t + 0x1.92e8aep-7f;
    p = p * t + 0x1.b04206p-6f;
    p = p * t + 0x1.4443ccp-4f;
    p = p * t + 0x1.31c3f6p-4f;
    p = p * t + 0x1.84d822p-4f;
    p = p * t + 0x1.97d14ap-4f;
    p = p * t + 0x1.988d3ap-4f;
    const float tail = e * (p * t);
    return x * (x < 0.0f ? tail : 1.0f - tail);
}

/* Natural logarithm: x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), s = f / (2 + f),
 * log(1 + f) = 2 artanh(s). */
static inline float edge_log(float x) {
    if (!(x > 0.0f)) {
        return edge_f32_of(x == 0.0f ? 0xff800000u : 0x7fc00000u);
    }
    if (!(x < EDGE_INFINITY)) {
        return x;
    }
    const float scaled = x < 0x1p-126f ? x * 0x1p+23f : x;
    const uint32_t bits = edge_bits_of(scaled) + (0x3f800000u - 0x3f3504f3u);
    const int32_t n = (int32_t)(bits >> 23) - 127 - (x < 0x1p-126f ? 23 : 0);
    const float f = edge_f32_of((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    const float s = f / (2.0f + f), z = s * s, half = 0.5f * f * f;
    const float r =
        z * (0x1.555556p-1f + z * (0x1.99999ap-2f + z * (0x1.24924ap-2f + z * 0x1.c71c72p-3f)));
    const float high = (float)n * 0x1.63p-1f, low = (float)n * -0x1.bd0106p-13f;
    return high + (f - (half - (s * (half + r) + low)));
}

/* Rounded to the nearest, bit by bit. */
static inline float edge_sqrt(float x) {
    if (!(x > 0.0f) || !(x < EDGE_INFINITY)) {
        return x < 0.0f ? edge_f32_of(0x7fc00000u) : x;
    }
    const float scaled = x < 0x1p-126f ? x * 0x1p+24f : x;
    const int32_t n = (int32_t)(edge_bits_of(scaled) >> 23) - 127 - (x < 0x1p-126f ? 24 : 0);
    const uint32_t odd = (uint32_t)n & 1u;
    uint32_t rest = ((edge_bits_of(scaled) & 0x007fffffu) | 0x00800000u) << (1u + odd);
    uint32_t root = 0, sum = 0;
    for (uint32_t bit = 1u << 24; bit != 0; bit >>= 1) {
        if (sum + bit <= rest) {
            rest -= sum + bit;
            sum += 2u * bit;
            root += bit;
        }
        rest *= 2u;
    }
    root = (root + (root & 1u)) >> 1;
    return edge_f32_of(root + ((uint32_t)((n - (int32_t)odd) / 2 + 126) << 23));
}

static inline float edge_rsqrt(float x) {
    return x == 0.0f ? EDGE_INFINITY : 1.0f / edge_sqrt(x);
}

#endif
