/* SPDX-License-Identifier: Apache-2.0
 *
 * Training operators: what they share, and their descriptors.
 *
 * They have the signature of every kernel and are called once for whole tensors. `in` lists all
 * slots of the operator, missing ones with NULL data, and after them the outputs but the first,
 * which the kernel writes although the pointer says const. So are states that it updates in place.
 *
 * A gradient is int8 with an int32 exponent: gradient * 2^exponent * a unit known when the code was
 * generated. Sums become int8 by the smallest right shift that makes the largest magnitude fit,
 * halves up, which is added to the exponent.
 */
#ifndef EDGE_TRAIN_H
#define EDGE_TRAIN_H

#include "edge/edge.h"
#include "edge/requantize.h"

/* A window between an input [in_h][in_w][in_c] and an output [out_h][out_w][out_c], batch 1. */
typedef struct {
    int16_t in_h, in_w, in_c, out_h, out_w, out_c;
    uint8_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    int16_t groups;
} edge_window;

/* live_conv2d, live_depthwise_conv2d, live_linear (pixels = out_h * out_w): slots x, weight, bias;
 * the mask is the second output, NULL if it is not wanted. `requantize` has no bias. */
typedef struct {
    edge_window window;
    edge_requantize requantize;
    int8_t in_zero_point;
} edge_live;

/* join_weight: [outer][trained] and [outer][frozen] become [outer][trained + frozen]; bytes. */
typedef struct {
    int32_t outer, trained, frozen;
} edge_join;

/* Element by element; `channels` is the step of per-channel factors, `power` is added to the
 * exponent. */
typedef struct {
    int32_t elements, channels, power;
} edge_elements;

/* add_gradient: gradient * multiplier * 2^power + other * other_multiplier * 2^other_power. */
typedef struct {
    int32_t elements, multiplier, power, other_multiplier, other_power;
} edge_add_gradient;

/* add_gradient of float32 gradients: gradient * multiplier + other * other_multiplier. */
typedef struct {
    int32_t elements;
    float multiplier, other_multiplier;
} edge_add_gradient_f32;

/* layer_norm_gradient of float32 gradients; `norm` finds the clamp of the forward pass anew. */
typedef struct {
    edge_layer_norm norm;
    const float *weight; /* in units of the output */
} edge_layer_norm_gradient_f32;

/* avg_pool2d_gradient: a shift for all sums; shares by count if `per_count`. */
typedef struct {
    edge_window window;
    int8_t shift, per_count;
} edge_pool_gradient;

/* mean_gradient: one gradient, of so many bytes, for all positions. */
typedef struct {
    int32_t positions, bytes;
} edge_positions;

/* slice_gradient: element (i0..i4) of the gradient goes to offset + sum of i_k * stride_k. */
typedef struct {
    edge_strided strided; /* size is that of the gradient */
    int32_t elements;     /* of the output */
} edge_scatter;

/* mul_gradient, sum_gradient: `shape` walks the gradient; its a is the output, b the other factor.
 */
typedef struct {
    edge_broadcast shape;
    int32_t outputs;
    int32_t zero_point; /* of the other factor */
} edge_mul_gradient;

/* matmul_gradient: sizes of i, j and k, and their steps through gradient and other operand. */
typedef struct {
    int32_t batches, gradient_size, other_size; /* sizes of one batch */
    int32_t sizes[3], gradient_steps[3], other_steps[3];
    int32_t zero_point; /* of the other operand */
} edge_matmul_gradient;

/* softmax_gradient: [vectors][channels]. */
typedef struct {
    int32_t vectors, channels;
} edge_softmax_gradient;

/* resize_gradient: from [out_h][out_w][channels] to [in_h][in_w][channels]. */
typedef struct {
    int16_t in_h, in_w, out_h, out_w, channels;
} edge_resize_gradient;

/* update_bias: [positions][channels] gradients; |bias| <= limit. */
typedef struct {
    int32_t positions, channels, limit;
} edge_update_bias;

/* update_<layer>_weight: the window's in_c are the trained input channels alone. Without low bytes
 * rounding is stochastic: `first` numbers the random byte of the first weight. */
typedef struct {
    edge_window window;
    int8_t in_zero_point;
    uint32_t first, seed;
} edge_update_weight;

/* top_gradient: of [positions][channels] the `keep` channels with the largest sums of magnitudes.
 */
typedef struct {
    int32_t positions, channels, keep;
} edge_top_gradient;

/* value * 2^-right, halves up; right in 0..30, |value| <= 2^30. */
static inline int32_t edge_half_up(int32_t value, int32_t right) {
    return (value + ((int32_t)(1u << right) >> 1)) >> right;
}

static inline int32_t edge_magnitude(int32_t value) {
    return value < 0 ? -value : value;
}

/* Right shift that makes magnitudes of up to `largest` fit `bits` bits. */
static inline int32_t edge_excess_bits(int32_t largest, int32_t bits) {
    int32_t right = 0;
    for (uint32_t rest = (uint32_t)largest >> bits; rest != 0; rest >>= 1) {
        right++;
    }
    return right;
}

static inline int8_t edge_narrow(int32_t value, int32_t right) {
    return (int8_t)edge_clamp(edge_half_up(value, right), -127, 127);
}

static inline int16_t edge_medium(int32_t value, int32_t right) {
    return (int16_t)edge_clamp(edge_half_up(value, right), -32767, 32767);
}

static inline int32_t edge_exponent(const edge_rows *slot) {
    return *(const int32_t *)slot->data;
}

static inline void edge_set_exponent(const edge_rows *slot, int32_t exponent) {
    *(int32_t *)slot->data = exponent;
}

/* Whether no gradient * 2^exponent is above the limit, which is below 2^16. */
static inline int edge_is_easy(const void *gradient, int32_t count, const void *exponent,
                               int32_t limit) {
    const int8_t *at = gradient;
    const int32_t most = limit >> *(const int32_t *)exponent;
    while (count > 0 && edge_magnitude(*at) <= most) {
        at++, count--;
    }
    return count == 0;
}

static inline int edge_bit(const uint8_t *mask, int32_t index) {
    return mask[index >> 3] >> (index & 7) & 1;
}

/* Writes a mask bit by bit; does nothing where `at` is NULL. */
typedef struct {
    uint8_t *at;
    uint32_t bits, count;
} edge_mask;

static inline void edge_mask_put(edge_mask *mask, int inside) {
    mask->bits |= (uint32_t)inside << mask->count;
    if (++mask->count == 8) {
        if (mask->at != NULL) {
            *mask->at++ = (uint8_t)mask->bits;
        }
        mask->bits = mask->count = 0;
    }
}

static inline void edge_mask_end(edge_mask *mask) {
    if (mask->count != 0 && mask->at != NULL) {
        *mask->at = (uint8_t)mask->bits;
    }
}

/* clamp(scaled + zero_point) and whether it was inside of the clamp. */
static inline int8_t edge_store_masked(const edge_requantize *q, int32_t scaled, edge_mask *mask) {
    const int32_t low = q->minimum - q->zero_point, high = q->maximum - q->zero_point;
    edge_mask_put(mask, scaled >= low && scaled <= high);
    return (int8_t)(edge_clamp(scaled, low, high) + q->zero_point);
}

static inline int8_t edge_requantize_masked(const edge_requantize *q, int32_t channel,
                                            int32_t accumulator, edge_mask *mask) {
    const int32_t k = channel * q->per_channel;
    return edge_store_masked(q, edge_scale(accumulator, q->multiplier[k], q->shift[k], q->rounding),
                             mask);
}

/* sum * mantissa * 2^(exponent - shift), halves up, saturated to +-(2^31 - 1). A mantissa is 0 or
 * at least 2^14 in magnitude, so that 17 bits to the left are beyond int32. */
static inline int32_t edge_fixed_step(int32_t sum, int32_t mantissa, int32_t shift,
                                      int32_t exponent) {
    const int64_t product = (int64_t)sum * mantissa;
    const int32_t right = edge_clamp(shift - exponent, -17, 62);
    const int64_t step =
        right > 0 ? (product + ((int64_t)1 << (right - 1))) >> right : product * (1 << -right);
    return step > INT32_MAX ? INT32_MAX : step < -INT32_MAX ? -INT32_MAX : (int32_t)step;
}

/* One weight of 256 * high + low moves by a step in 1/256; high stays in -127..127. */
static inline void edge_move_weight(int8_t *high, uint8_t *low, int32_t step) {
    const int64_t moved = (int64_t)*high * 256 + *low - step;
    const int32_t kept = moved < -127 * 256        ? -127 * 256
                         : moved > 127 * 256 + 255 ? 127 * 256 + 255
                                                   : (int32_t)moved;
    *high = (int8_t)(kept >> 8);
    *low = (uint8_t)(kept & 255);
}

/* A bias moves by a step; |bias| stays within the limit. */
static inline void edge_move_bias(int32_t *bias, int32_t limit, int32_t step) {
    const int64_t moved = (int64_t)*bias - step;
    *bias = moved < -limit ? -limit : moved > limit ? limit : (int32_t)moved;
}

/* A word for each (seed, step, index). The mixer is lowbias32 of C. Wellons' hash-prospector. */
static inline uint32_t edge_random_word(uint32_t seed, uint32_t step, uint32_t index) {
    uint32_t mixed = index * 0x9E3779B1u + (step * 0x85EBCA77u + seed);
    mixed = (mixed ^ (mixed >> 16)) * 0x7FEB352Du;
    mixed = (mixed ^ (mixed >> 15)) * 0x846CA68Bu;
    return mixed ^ (mixed >> 16);
}

static inline uint8_t edge_random_byte(uint32_t seed, uint32_t step, uint32_t index) {
    return (uint8_t)(edge_random_word(seed, step, index) >> 24);
}

/* Weight `index` of an update moves: with its low byte, or with a random one that is not kept. */
static inline void edge_update(const edge_update_weight *layer, const edge_rows *in, int8_t *high,
                               int32_t index, int32_t step) {
    if (in[4].data != NULL) {
        edge_move_weight(&high[index], (uint8_t *)in[4].data + index, step);
    } else {
        const uint32_t count = *(const uint32_t *)in[7].data;
        uint8_t low = edge_random_byte(layer->seed, count, layer->first + (uint32_t)index);
        edge_move_weight(&high[index], &low, step);
    }
}

/* The output position that kernel tap k joins to input position i, or -1. */
static inline int32_t edge_reached(int32_t i, int32_t pad, int32_t k, int32_t dilation,
                                   int32_t stride, int32_t count) {
    const int32_t from = i + pad - k * dilation;
    return from >= 0 && from % stride == 0 && from / stride < count ? from / stride : -1;
}

/* The most output positions that one input position takes part in. */
static inline int32_t edge_overlap(const edge_window *w) {
    return ((w->kernel_h + w->stride_h - 1) / w->stride_h) *
           ((w->kernel_w + w->stride_w - 1) / w->stride_w);
}

/* The largest sum of magnitudes of the gradients that meet at one input position. */
static inline int32_t edge_meeting(const edge_window *s, const int8_t *gradient) {
    int32_t total = 0, largest = 0;
    for (int32_t p = 0; p < s->out_h * s->out_w; p++) {
        int32_t sum = 0;
        for (int32_t c = 0; c < s->out_c; c++) {
            sum += edge_magnitude(*gradient++);
        }
        total += sum;
        largest = sum > largest ? sum : largest;
    }
    return total < edge_overlap(s) * largest ? total : edge_overlap(s) * largest;
}

/* Whether an output channel has a gradient at any position; without one its step is 0. */
static inline int edge_has_gradient(const edge_window *s, const int8_t *gradient) {
    int32_t found = 0;
    for (int32_t p = s->out_h * s->out_w; p > 0; p--, gradient += s->out_c) {
        found |= *gradient;
    }
    return found != 0;
}

#endif
