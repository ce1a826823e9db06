/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels for the Armv7E-M DSP extension share: word operations, the clamp pass, and the
 * contract of the assembly routines.
 *
 * Requantization constants of a channel, with q and e from multiplier and shift so that a result is
 * acc * q * 2^-31 * 2^-e before the zero point z, are
 *
 *     word   bias << 8 | f, |bias| < 2^23
 *     q      multiplier
 *
 *     once:  e >= 2, f = e - 2: ssat8((acc * q + ((2z + 1) << f) * 2^32) >> 32 >> f >> 1)
 *     twice: e >= 1, f = e - 1: ssat8((high(2 acc, q) + ((2z + 1) << f) - (acc < 0)) >> f >> 1)
 *
 * high is the product's upper half rounded half up. Both are bit for bit those of
 * edge/requantize.h: in `once` the rounding constant 2^(e - 2) of the upper half stands for
 * 2^(30 + e) of the whole product; in `twice` subtracting 1 from negative values rounds halves away
 * from zero, and where the sign of acc is not that of the product, the product is 0 and both signs
 * give z. The planner accepts a layer only if its constants can be written this way.
 */
#ifndef EDGE_DSP_H
#define EDGE_DSP_H

#include "edge/edge.h"
#include "edge/requantize.h"

/* Convolution of one strip, all output channels. Channels are packed in pairs, of which a record
 * holds the constants:
 *   pair  the words of the even and the odd channel, their multipliers; |acc| < 2^23
 *   wide  the biases of the even and the odd channel, their multipliers, f of the even channel and
 *         of the odd one in bytes of a fifth word; |acc| < 2^28 */
typedef struct {
    const void *strip; /* [steps][pixels] pairs of int16, 4-byte aligned */
    const void *weights;
    const int32_t *records;
    int8_t *out;    /* of pixel 0 */
    int8_t *end;    /* out + channels, which are even */
    int32_t pitch;  /* bytes from a pixel's outputs to the next one's */
    int32_t steps;  /* at least 1 */
    int32_t offset; /* 2 * zero point + 1 */
} edge_dsp_dot;

typedef void edge_dsp_dot_routine(const edge_dsp_dot *dot);

edge_dsp_dot_routine edge_dsp_dot_4x2_pair_once, edge_dsp_dot_4x2_pair_twice;
edge_dsp_dot_routine edge_dsp_dot_4x2_wide_once, edge_dsp_dot_4x2_wide_twice;
edge_dsp_dot_routine edge_dsp_dot_1x2_pair_once, edge_dsp_dot_1x2_pair_twice;
edge_dsp_dot_routine edge_dsp_dot_1x2_wide_once, edge_dsp_dot_1x2_wide_twice;

/* The routines of one packing, by pixels (4 or 1) and rounding; f = 0 in `four_once`. Where the
 * first two are NULL, pixels are made one at a time. */
typedef struct {
    edge_dsp_dot_routine *four_once, *four_twice, *one_once, *one_twice;
} edge_dsp_dots;

static inline void edge_dsp_multiply(const edge_dsp_dots *dots, const edge_dsp_dot *dot,
                                     int32_t pixels, int32_t rounding) {
    if (rounding == EDGE_ROUND_ONCE) {
        (pixels == 4 ? dots->four_once : dots->one_once)(dot);
    } else {
        (pixels == 4 ? dots->four_twice : dots->one_twice)(dot);
    }
}

/* Whatever the packing: convolve_row.c, convolve_pixels.c. */
void edge_dsp_convolve_row(const edge_conv2d *layer, const edge_dsp_dots *dots, const edge_rows *in,
                           int32_t y, int8_t *out, void *scratch);
void edge_dsp_convolve_pixels(const edge_linear *layer, const edge_dsp_dots *dots, const int8_t *in,
                              int8_t *out, void *scratch);

/* One vector times channels in groups of 4, one scale for all but in `channels`, where f is 0. */
typedef struct {
    const void *in; /* int16 pairs of a strip (wide) or int8 (narrow), 4-byte aligned if wide */
    const void *weights;
    const int32_t *starts; /* even, even + 256 * odd for each pair of channels */
    int8_t *out;
    int8_t *end;   /* out + channels, a multiple of 4 */
    int32_t units; /* of 4 inputs */
    int32_t multiplier;
    int32_t f;
    int32_t offset;             /* 2 * zero point + 1 */
    const int32_t *multipliers; /* of `channels`: one a channel */
} edge_dsp_linear;

void edge_dsp_linear_1x4_wide_once(const edge_dsp_linear *linear);
void edge_dsp_linear_1x4_wide_twice(const edge_dsp_linear *linear);
void edge_dsp_linear_1x4_narrow_once(const edge_dsp_linear *linear);
void edge_dsp_linear_1x4_narrow_twice(const edge_dsp_linear *linear);
void edge_dsp_linear_1x4_wide_channels(const edge_dsp_linear *linear);
void edge_dsp_linear_1x4_narrow_channels(const edge_dsp_linear *linear);

/* A run of outputs of one row; f = 0 in `once`. */
typedef struct {
    void *planes;
    const int8_t *const (*columns)[6]; /* as planes_3.S reads them */
    int32_t channel;                   /* the first one */
    int32_t pairs;                     /* of columns */
    int32_t varying;                   /* pairs; the others are the same for all channels */
    int32_t end;                       /* of the channels: channel + a multiple of 4 */
    const int32_t *records;            /* 5 words a channel, from `channel` on */
    int8_t *out;                       /* first output of `channel` */
    int32_t outputs;                   /* at least 1 */
    int32_t pitch;                     /* bytes from an output to the next of its channel */
    int32_t offset;                    /* 2 * zero point + 1 */
} edge_dsp_depthwise;

#define EDGE_DSP_PLANE_PAIRS 13
#define EDGE_DSP_PLANE_BYTES (12 * EDGE_DSP_PLANE_PAIRS)

void edge_dsp_depthwise_3x3_s1_once(const edge_dsp_depthwise *depthwise);
void edge_dsp_depthwise_3x3_s1_twice(const edge_dsp_depthwise *depthwise);
void edge_dsp_depthwise_3x3_s2_once(const edge_dsp_depthwise *depthwise);
void edge_dsp_depthwise_3x3_s2_twice(const edge_dsp_depthwise *depthwise);
void edge_dsp_planes_3(void *planes, const int8_t *const (*columns)[6], int32_t channel,
                       int32_t pairs);

/* A run of outputs of one row, as depthwise_1x4.S makes them; f = 0 in `once`. */
typedef struct {
    const char *plane; /* of the first channel, 4-byte aligned */
    const int8_t *weights;
    const int32_t *records; /* word and multiplier of each channel */
    const int32_t *segments;
    int8_t *out;
    int32_t pitch;      /* bytes from an output to the next one of its channel */
    int32_t outputs;    /* of a channel, at least 1 */
    int32_t offset;     /* 2 * zero point + 1 */
    int32_t channels;   /* at least 1 */
    int32_t plane_step; /* bytes from the plane of a channel to the next one's */
} edge_dsp_taps;

void edge_dsp_depthwise_1x4_once(const edge_dsp_taps *taps);
void edge_dsp_depthwise_1x4_twice(const edge_dsp_taps *taps);
void edge_dsp_planes_2(void *plane, const int8_t *first, const int8_t *second, int32_t columns,
                       int32_t first_step, int32_t second_step);

/* Depthwise, whatever the stride that weights are packed for: convolve_window.c. `planes_bytes` is
 * what blocks of more than 4 outputs may take of the scratch. */
void edge_dsp_convolve_window(const edge_conv2d *layer, int32_t planes_bytes, const edge_rows *in,
                              int32_t y, int8_t *out, void *scratch);

#define EDGE_DSP_WINDOW_PLANES 2048

/* Sums of elements a and b; the arithmetic is in add_s8.c. */
typedef struct {
    const int8_t *a;
    const int8_t *b;
    int8_t *out;
    int32_t b_scale, b_bias, b_multiplier, b_constant, b_shift;
    int32_t a_bias;
    int32_t multiplier, constant, shift; /* of the output */
    const int8_t *end;                   /* out + elements, a multiple of 4 and not 0 */
} edge_dsp_add;

void edge_dsp_add_4(const edge_dsp_add *add);

/* Products of elements a and b; the arithmetic is in mul_s8.c. */
typedef struct {
    const int8_t *a;
    const int8_t *b;
    int8_t *out;
    int32_t a_zero, b_zero; /* minus the zero points, in both halves */
    int32_t multiplier, constant, shift;
    const int8_t *end; /* out + elements, a multiple of 4 and not 0 */
} edge_dsp_mul;

void edge_dsp_mul_4_once(const edge_dsp_mul *mul); /* shift unused: 0 */
void edge_dsp_mul_4_twice(const edge_dsp_mul *mul);

/* Sums of products of 4 rows of a and 2 columns of b, as products_4x2.S says. */
void edge_dsp_products_4x2(const uint32_t *a, const uint32_t *b, int32_t *out, int32_t steps);

#define EDGE_DSP_MATMUL_COLUMNS 8192 /* bytes of the widened columns of matmul_s8.c */

void edge_dsp_lookup_8(const int8_t *middle, const int8_t *in, int8_t *out, const int8_t *end);

void *edge_dsp_widen_4(void *strip, const int8_t *in, int32_t pitch, int32_t bytes);
void *edge_dsp_widen_1(void *strip, const int8_t *in, int32_t bytes);

/* The steps that widening makes of `bytes` bytes: two for each word, one for a single last byte. */
static inline int32_t edge_dsp_steps(int32_t bytes) {
    const int32_t rest = bytes & 3;
    return 2 * (bytes >> 2) + (rest == 0 ? 0 : rest == 1 ? 1 : 2);
}

static inline int32_t edge_dsp_round_up(int32_t bytes) {
    return (bytes + 3) & ~3;
}

static inline uint32_t edge_dsp_load(const void *from) {
    uint32_t word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}

static inline void edge_dsp_store(void *to, uint32_t word) {
    __builtin_memcpy(to, &word, sizeof word);
}

/* The word made of four equal bytes. */
static inline uint32_t edge_dsp_splat(int32_t value) {
    return (uint32_t)(value & 0xff) * 0x01010101u;
}

/* The part of a pooling window inside the input: `rows` rows from `y` on, `columns` columns from
 * the byte `offset` of each row on. */
typedef struct {
    int32_t y, rows, columns, offset;
} edge_dsp_window;

static inline edge_dsp_window edge_dsp_window_of(const edge_pool2d *layer, const edge_rows *in,
                                                 int32_t y, int32_t ox) {
    const int32_t iy = y * layer->stride_h - layer->pad_top, below = iy + layer->kernel_h;
    const int32_t ix = ox * layer->stride_w - layer->pad_left, right = ix + layer->kernel_w;
    const int32_t top = iy > 0 ? iy : 0, left = ix > 0 ? ix : 0;
    const edge_dsp_window window = {top, (below < in->rows ? below : in->rows) - top,
                                    (right < layer->in_w ? right : layer->in_w) - left,
                                    left * layer->in_c};
    return window;
}

/* The same positions as a single row, where rows lie behind each other and are taken whole. */
static inline edge_dsp_window edge_dsp_joined(edge_dsp_window window, const edge_pool2d *layer,
                                              const edge_rows *in) {
    if (window.columns == layer->in_w && in->ring == in->rows) {
        window.columns *= window.rows;
        window.rows = 1;
    }
    return window;
}

#ifdef __ARM_FEATURE_DSP

/* Larger and smaller of four signed bytes each. SSUB8 sets the GE bits that SEL reads, so the two
 * stay in one statement. */
static inline uint32_t edge_dsp_max(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(r) : "r"(a), "r"(b) : "cc");
    return r;
}

static inline uint32_t edge_dsp_min(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(r) : "r"(a), "r"(b) : "cc");
    return r;
}

/* Sums of the bytes 0 and 2, or 1 and 3, added to two int16. */
static inline uint32_t edge_dsp_add_even(uint32_t sum, uint32_t word) {
    __asm__("sxtab16 %0, %0, %1" : "+r"(sum) : "r"(word));
    return sum;
}

static inline uint32_t edge_dsp_add_odd(uint32_t sum, uint32_t word) {
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(sum) : "r"(word));
    return sum;
}

/* Clamp bytes that were saturated to int8 to the tighter range of a fused activation. */
static inline void edge_dsp_clamp_all(int8_t *out, int32_t bytes, int32_t minimum,
                                      int32_t maximum) {
    if (minimum == -128 && maximum == 127) {
        return;
    }
    const uint32_t low = edge_dsp_splat(minimum), high = edge_dsp_splat(maximum);
    for (; bytes >= 4; bytes -= 4, out += 4) {
        edge_dsp_store(out, edge_dsp_min(edge_dsp_max(edge_dsp_load(out), low), high));
    }
    for (; bytes > 0; bytes--, out++) {
        *out = (int8_t)edge_clamp(*out, minimum, maximum);
    }
}

#endif
#endif
