/* SPDX-License-Identifier: Apache-2.0
 *
 * Edge runtime: the contract between generated code and kernels.
 *
 * One contract serves every operator. A kernel makes one row of its output from rows of its inputs:
 *
 *     edge_<folder>_<name>(layer, in, y, out, scratch)
 *
 * `layer` points to the constant descriptor of the operator (below), `in` to one edge_rows per
 * activation input, `y` is the output row, `out` the first byte of that row, `scratch` memory of
 * the size the plan asked for (4-byte aligned; NULL when it asked for none). A tensor [1, H, W, C]
 * has H rows of W*C elements. There are four kinds:
 *
 *   window   conv2d, depthwise_conv2d, conv_transpose2d, pools: reads the input rows under the
 *            window of row y;
 *   flat     linear, matmul, add, mul, lookup, softmax, layer_norm, requantize, quantize,
 *            dequantize, copy: reads row y of its inputs; a caller may present a whole tensor as a
 *            single row;
 *   gather   <name>_rows: called once for each row of its input, from the first to the last; keeps
 *            its sums in scratch, which nothing else may touch, and writes in the last call;
 *   whole    mean, strided, pad, concat, resize, *_broadcast: called once with y = 0, sees whole
 * tensors from in->data on, however many rows they are declared to have, makes the whole output.
 *
 * A flat kernel walks upwards: it has read element i of its inputs (linear, matmul: pixel i) before
 * it writes element i of its output, or a few at once where the planner's kernel table says so. On
 * that the plan builds outputs that sit on, or trail, their inputs; copy allows the first only.
 * Other kernels may write only over rows that neither this call nor a later one reads.
 *
 * Kernels return nothing, allocate nothing and keep no state. Constants were checked before this
 * code was generated; EDGE_ASSERT guards the preconditions in debug builds.
 */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define EDGE_ALIGN(n) __attribute__((aligned(n)))
#else
#define EDGE_ALIGN(n)
#endif

/* Large byte arrays are written as string literals of exactly their size, without the closing NUL.
 */
#if defined(__has_attribute)
#if __has_attribute(nonstring)
#define EDGE_NONSTRING __attribute__((nonstring))
#endif
#endif
#ifndef EDGE_NONSTRING
#define EDGE_NONSTRING
#endif

/* Not assert() itself: without EDGE_DEBUG a kernel needs no libc, whatever NDEBUG says. */
#ifdef EDGE_DEBUG
#include <assert.h>
#define EDGE_ASSERT(condition) assert(condition)
#else
#define EDGE_ASSERT(condition) ((void)0)
#endif

/* Generated code says EDGE_LAYER(i) before stage i. A profiler builds with -DEDGE_PROFILE and
 * defines edge_mark. */
#ifdef EDGE_PROFILE
void edge_mark(void);
#define EDGE_LAYER(i) edge_mark()
#else
#define EDGE_LAYER(i) ((void)0)
#endif

/* A tensor as rows: row r is at data + (r % ring) * row_bytes. Rows outside [0, rows) are padding.
 */
typedef struct {
    const void *data;
    int32_t row_bytes;
    int32_t rows;
    int32_t ring; /* rows kept in memory; equal to rows for a whole tensor */
} edge_rows;

typedef void edge_kernel(const void *layer, const edge_rows *in, int32_t y, void *out,
                         void *scratch);

/* The row r of a tensor, or NULL where padding is meant. */
static inline const void *edge_row(const edge_rows *in, int32_t r) {
    if (r < 0 || r >= in->rows) {
        return NULL;
    }
    return (const char *)in->data +
           (size_t)(in->ring == in->rows ? r : r % in->ring) * (size_t)in->row_bytes;
}

/* Row y of an operand of add or mul: a tensor of one row serves every y. */
static inline const void *edge_operand_row(const edge_rows *in, int32_t y) {
    return edge_row(in, in->rows == 1 ? 0 : y);
}

/* How an int32 accumulator becomes int8: see edge/requantize.h for the arithmetic. */
typedef enum {
    EDGE_ROUND_ONCE, /* (acc * multiplier + 2^(30 - shift)) >> (31 - shift) */
    EDGE_ROUND_TWICE /* the two roundings of the LiteRT reference kernels */
} edge_rounding;

typedef struct {
    const int32_t *bias; /* [channels], input zero point folded in; or the kernel's own packing */
    const int32_t *multiplier; /* [channels], or one for all when per_channel is 0; >= 0 */
    const int8_t *shift;       /* like multiplier; negative is a right shift; -31..30 */
    int16_t per_channel;       /* 1 or 0: the step through multiplier and shift */
    int8_t rounding;           /* edge_rounding */
    int8_t zero_point;         /* of the output */
    int8_t minimum;            /* clamp of the stored output, fused activation included */
    int8_t maximum;
} edge_requantize;

/* conv2d: weights OHWI, [out_c][kernel_h][kernel_w][in_c / groups]; groups split both channels.
 * depthwise_conv2d: weights [kernel_h][kernel_w][out_c], output channel c reads input channel
 * c / (out_c / in_c); groups unused. Both may use a kernel's own packing instead.
 * conv_transpose2d: weights OHWI; stride, kernel and padding are those of the convolution that it
 * transposes, in_zero_point is subtracted from the inputs and not part of the bias. */
typedef struct {
    const void *weights;
    edge_requantize requantize;
    int16_t in_w, in_c, out_w, out_c;
    uint8_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    int16_t groups;
    int8_t in_zero_point; /* what a padded position holds */
} edge_conv2d;

/* matmul: out[m][n] = requantized sum over k of (a[m][k] - a_zero_point) * (b[k][n] - b_zero_point)
 * with multiplier[0], shift[0], for each of `batches` in one row: a is [rows][depth], b
 * [depth][columns], or [columns][depth] if b_transposed. A flat kernel with respect to a, whose
 * pixels are rows of a; row y of b belongs to row y of a. */
typedef struct {
    edge_requantize requantize; /* bias unused */
    int32_t batches, rows, depth, columns;
    int8_t a_zero_point, b_zero_point;
    int8_t b_transposed;
} edge_matmul;

/* layer_norm over the last axis: `vectors` of `channels` values (1..32767). With S the sum of x:
 * h[i] = (channels * x[i] - S) / sqrt(channels * sum of x^2 - S^2 + epsilon) with fraction_bits,
 * out[i] = clamp((h[i] * gain[i] + offset[i]) >> shift). */
typedef struct {
    const int16_t *gain;
    const int32_t *offset;
    int64_t epsilon; /* at least 1 */
    int32_t vectors, channels;
    int8_t fraction_bits, shift;
    int8_t minimum, maximum;
} edge_layer_norm;

/* linear, and conv2d with a 1x1 kernel, stride 1, no padding: `pixels` vectors of in_c values in
 * one row. */
typedef struct {
    const void *weights; /* [out_c][in_c] or the kernel's own packing */
    edge_requantize requantize;
    int32_t pixels;
    int32_t in_c, out_c;
} edge_linear;

/* avg_pool2d and max_pool2d. Both see only the positions inside the input, at least one in every
 * window; `count` is their number. Average: ONCE requantizes sum(x - in_zero_point) with
 * multiplier[count - 1], shift[count - 1] (per_channel 1), or with the only entry where there is no
 * padding (per_channel 0); TWICE divides sum(x) by count, rounds half away from zero and clamps:
 * input and output share scale and zero point. */
typedef struct {
    edge_requantize requantize; /* bias unused; max_pool2d uses minimum and maximum only */
    int16_t in_w, in_c, out_w;
    uint8_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
    int8_t in_zero_point;
} edge_pool2d;

/* mean over the spatial positions: in is [positions][channels], out [channels].
 * acc = sum + bias[0] (bias[0] = -positions * input zero point), then requantized with
 * multiplier[0], shift[0]. */
typedef struct {
    edge_requantize requantize;
    int32_t positions, channels;
} edge_mean;

/* One operand of add and sub. */
typedef struct {
    int32_t multiplier;
    int8_t shift;
    int8_t zero_point;
} edge_operand;

/* add, sub: t = a' + b' or a' - b', out = clamp(zero_point + scaled(t)).
 * TWICE: x' = twice((x - zp) * 2^20, multiplier, shift), scaled(t) = twice(t, out_multiplier,
 *        out_shift).
 * ONCE:  x' = (x - zp) * multiplier, scaled(t) = (t + 2^(out_shift - 1)) >> out_shift; the other
 *        shifts and out_multiplier are unused; t is proven to fit int32.
 * `elements` in one row of the output; an operand whose size is smaller repeats: index i % size. An
 * operand tensor of one row serves every row y. */
typedef struct {
    edge_operand a, b;
    int32_t out_multiplier;
    int8_t out_shift;
    int8_t rounding; /* edge_rounding */
    int8_t subtract; /* 1 for sub */
    int8_t zero_point, minimum, maximum;
    int32_t elements, a_size, b_size;
} edge_add;

/* mul: acc = (a - a_zero_point) * (b - b_zero_point), requantized with multiplier[0], shift[0].
 * Operands repeat as in add. */
typedef struct {
    edge_requantize requantize;
    int8_t a_zero_point, b_zero_point;
    int32_t elements, a_size, b_size;
} edge_mul;

/* lookup: out = table[(uint8_t)(x + 128)] for each of `elements`. */
typedef struct {
    const int8_t *table;
    int32_t elements;
} edge_lookup;

/* softmax over the last axis: `vectors` of `classes` values (1..4095). table[d] is
 * exp(-d * scale * beta) in Q31 for d = max - x (0..255), 0 where the reference drops the term.
 * Sums have 12 integer bits; output scale 1/256, zero point -128. */
typedef struct {
    const int32_t *table;
    int32_t vectors, classes;
} edge_softmax;

/* requantize: out = requantized (x - in_zero_point) with multiplier[0], shift[0]. */
typedef struct {
    edge_requantize requantize;
    int8_t in_zero_point;
    int32_t elements;
} edge_rescale;

/* quantize: clamp(round(x / scale) + zero_point); dequantize: (x - zero_point) * scale. Both in
 * float32. round goes to the nearest, halves to even (ONCE) or away from zero (TWICE). */
typedef struct {
    float scale;
    int8_t zero_point;
    int8_t rounding; /* edge_rounding, of quantize */
    int32_t elements;
} edge_affine;

/* reshape and other plain copies: `bytes` of one row. */
typedef struct {
    int32_t bytes;
} edge_copy;

#define EDGE_MAX_RANK 5

/* transpose and slice as one gather of `element_bytes` units: out index (i0..i4) reads
 * in[offset + sum of i_k * stride_k]. Axes are outermost first; unused ones have size 1. */
typedef struct {
    int32_t size[EDGE_MAX_RANK];   /* of the output */
    int32_t stride[EDGE_MAX_RANK]; /* in elements of the input */
    int32_t offset;                /* in elements of the input */
    int32_t element_bytes;
} edge_strided;

/* How operands of an elementwise operator broadcast: output (i0..i4) reads operand element
 * sum of i_k * stride_k, where stride_k is 0 along axes that repeat. Axes are outermost first;
 * unused ones have size 1. */
typedef struct {
    int32_t size[EDGE_MAX_RANK]; /* of the output */
    int32_t a_stride[EDGE_MAX_RANK], b_stride[EDGE_MAX_RANK];
} edge_broadcast;

/* add, sub and mul with operands that are not a trailing part of the output; sizes unused. */
typedef struct {
    edge_add add;
    edge_broadcast shape;
} edge_add_broadcast;

typedef struct {
    edge_mul mul;
    edge_broadcast shape;
} edge_mul_broadcast;

/* pad: `value` around the input; sizes are those of the input, before/after pad each axis. Axes are
 * outermost first; unused ones have size 1. int8 only. */
typedef struct {
    int32_t size[EDGE_MAX_RANK];
    int32_t before[EDGE_MAX_RANK];
    int32_t after[EDGE_MAX_RANK];
    int8_t value;
} edge_pad;

/* concat of `inputs` tensors seen as [outer][inner_k] bytes each. */
typedef struct {
    const int32_t *inner; /* bytes of each input per outer index */
    int32_t inputs, outer;
} edge_concat;

/* A matrix of int8 times a vector: weights [rows][size] or a kernel's own packing, `bias` with the
 * vector's zero point folded in, or the kernel's own form of it, one multiplier and shift a row.
 * Row sums, rounded once, are gate inputs in Q3.12. */
typedef struct {
    const void *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t size;
} edge_projection;

/* gru [steps][input.size] -> [steps][units], gates r, z, n of `units` rows each; lstm -> int16
 * [steps][2 * units], hidden and cell values in Q4.11, gates i, f, g, o. in[1] holds the hidden
 * values before the first step, in[2] the cell values (int16); zeros if has_initial is 0. tanh: 257
 * points over [0, 8] in Q0.15; see edge/recurrent.h for the arithmetic. */
typedef struct {
    edge_projection input, hidden;
    const int16_t *tanh;
    int32_t steps, units;
    int8_t has_initial;
} edge_recurrent;

/* hidden: the hidden values, int8, of what an lstm makes for `steps` steps of `units`. */
typedef struct {
    int32_t steps, units;
} edge_hidden;

/* resize [in_h][in_w][channels] -> [out_h][out_w][channels]. nearest: source index of each output
 * row and column in row_index/column_index. bilinear: the same, with the fraction to the next
 * row/column in Q10, 0..1024, in row_fraction/column_fraction (next = min(index + 1, in - 1)). */
typedef struct {
    const int16_t *row_index, *column_index;
    const int16_t *row_fraction, *column_fraction;
    int16_t in_h, in_w, out_h, out_w, channels;
} edge_resize;

/* The operators of a language model that is run token by token; edge.quantization.decoder defines
 * their arithmetic. Positions and tokens are single int32. */

/* embedding [1] token, [1] last -> int16 [width]: row `token` of table [tokens][width], or row
 * `last` if there is no such token, times multiplier[row] (or [0]), >> shift rounded half up. */
typedef struct {
    const void *table; /* int8, or the kernel's own packing */
    const int32_t *multiplier;
    int32_t tokens, width;
    int8_t shift;
    int8_t per_row; /* 1 or 0: the step through multiplier */
} edge_embedding;

/* residual: int16 a plus int8 b * multiplier >> shift, rounded half up, saturated. */
typedef struct {
    int32_t multiplier;
    int32_t elements;
    int8_t shift;
} edge_residual;

/* rms_norm of one int16 vector to int8: h[i] = x[i] / sqrt(sum of x^2 + epsilon) with 15 fraction
 * bits, out[i] = clamp((h[i] * gain[i] + offset) >> shift). */
typedef struct {
    const int16_t *gain;
    int64_t epsilon; /* at least 1 */
    int32_t channels, offset;
    int8_t shift;
} edge_rms_norm;

/* rotary: pairs of neighbours, `pairs` in a head, turned by the angles of a position. Tables hold
 * cos and sin in Q14, [..][pairs][2]: of position % rows in `fine`, of position / rows in `coarse`.
 */
typedef struct {
    const int16_t *fine, *coarse;
    int32_t rows, pairs, elements;
} edge_rotary;

/* append: row position % window of a ring [window][bytes], in place. With `pairs` two rows lie
 * together, 2 bytes of each in turn: [window / 2][bytes / 2][2 rows][2 bytes]. */
typedef struct {
    int32_t window, bytes;
    int32_t pairs;
} edge_append;

/* ring_attention: int16 q [heads][size] over the rows of keys [window][groups][size] and of
 * values, which lie in pairs, that hold a token: min(position + 1, window). */
typedef struct {
    const int16_t *table; /* [512], exponentials of distances in steps of 1/32 */
    int32_t multiplier;   /* of a distance of scores, Q31 */
    int16_t scale, shift; /* of a mean value, as edge/decoder.h uses them; scale is positive */
    int32_t window, heads, groups, size;
} edge_ring_attention;

/* argmax: the index of the first of the largest of `elements` int8. */
typedef struct {
    int32_t elements;
} edge_argmax;

/* advance: position + 1, less than limit. */
typedef struct {
    int32_t limit;
} edge_advance;

#endif
