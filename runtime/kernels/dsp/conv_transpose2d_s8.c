/* SPDX-License-Identifier: Apache-2.0
 *
 * Transposed convolution, int8, one output row, 4 outputs times 2 channels at a time.
 *
 * Outputs whose place modulo the stride is the same read the same part of each kernel, their phase.
 * The inputs that reach an output are gathered, `depth` bytes, and widened to int16 without the
 * zero point, 4 outputs into a strip [step][4]; weights are widened in flash, for each phase
 * [channels / 2][step][2] pairs (edge.emit.packing.dsp.pack_transposed). A group of 4 values makes
 * two steps, the pairs (0, 2) and (1, 3). Depth is filled up to a multiple of 8 with zeros.
 *
 * Scratch: the strip, then the gathered bytes.
 */
#include "edge/dsp.h"
#include "edge/kernels.h"
#include "edge/memory.h"
#include "edge/requantize.h"

#ifdef __ARM_FEATURE_DSP

enum { OUTPUTS = 4, CHANNELS = 2 };

/* Along one axis the kernel positions k, k + stride, .., `count` of them, carry the input positions
 * `input`, input - 1, .. to an output. */
typedef struct {
    int32_t k, count, input;
} taps;

static int32_t count_of(int32_t kernel, int32_t k, int32_t stride) {
    return k < kernel ? (kernel - k + stride - 1) / stride : 0;
}

static taps taps_of(int32_t reach, int32_t kernel, int32_t stride) {
    const int32_t k = reach % stride;
    const taps found = {k, count_of(kernel, k, stride), reach / stride};
    return found;
}

static int32_t groups_of(int32_t depth) {
    return (depth + 7) / 8 * 2;
}

/* Words of the weights of a phase with that many kernel positions. */
static int32_t phase_words(const edge_conv2d *layer, int32_t positions) {
    const int32_t channels = (layer->out_c + 1) & ~1;
    return channels * 2 * groups_of(positions * layer->in_c);
}

static void gather(const edge_conv2d *layer, const edge_rows *in, taps down, taps across,
                   int8_t *to) {
    const size_t bytes = (size_t)layer->in_c;
    for (int32_t i = 0; i < down.count; i++) {
        const int8_t *row = edge_row(in, down.input - i);
        for (int32_t j = 0; j < across.count; j++, to += bytes) {
            const int32_t ix = across.input - j;
            if (row != NULL && ix >= 0 && ix < layer->in_w) {
                memcpy(to, row + ix * layer->in_c, bytes);
            } else {
                memset(to, layer->in_zero_point, bytes);
            }
        }
    }
}

static void widen(const int8_t *from, int32_t groups, int8_t zero_point, uint32_t *strip) {
    const uint32_t minus = (uint32_t)(-zero_point & 0xffff) * 0x10001u;
    for (int32_t g = 0; g < groups; g++, from += 4, strip += 2 * OUTPUTS) {
        const uint32_t word = edge_dsp_load(from);
        strip[0] = edge_dsp_add_even(minus, word);
        strip[OUTPUTS] = edge_dsp_add_odd(minus, word);
    }
}

/* All channels of the outputs in the strip; `pitch` bytes from one to the next. */
static void multiply(const edge_conv2d *layer, const uint32_t *strip, const uint32_t *weights,
                     int32_t groups, int32_t outputs, int32_t pitch, int8_t *out) {
    const edge_requantize *const q = &layer->requantize;
    int32_t acc[OUTPUTS][CHANNELS] = {{0}};
    for (int32_t c = 0; c < layer->out_c; c += CHANNELS, weights += CHANNELS * 2 * groups) {
        if (groups > 0) {
            edge_dsp_products_4x2(strip, weights, acc[0], 2 * groups);
        }
        for (int32_t n = c; n < c + CHANNELS && n < layer->out_c; n++) {
            for (int32_t m = 0; m < outputs; m++) {
                out[m * pitch + n] = edge_requantized(q, n, acc[m][n - c] + q->bias[n]);
            }
        }
    }
}

/* The outputs first, first + stride_w, .. of a row. */
static void multiply_phase(const edge_conv2d *layer, const edge_rows *in, taps down, int32_t first,
                           const uint32_t *weights, uint32_t *strip, int8_t *out) {
    const int32_t step = layer->stride_w, pitch = step * layer->out_c;
    taps across = taps_of(first + layer->pad_left, layer->kernel_w, step);
    const int32_t depth = down.count * across.count * layer->in_c, groups = groups_of(depth);
    int8_t *const bytes = (int8_t *)(strip + 2 * OUTPUTS * groups);
    memset(bytes + depth, layer->in_zero_point, (size_t)(4 * groups - depth));
    for (int32_t left = (layer->out_w - first + step - 1) / step; left > 0; left -= OUTPUTS) {
        const int32_t count = left < OUTPUTS ? left : OUTPUTS;
        for (int32_t m = 0; m < count; m++, across.input++) {
            gather(layer, in, down, across, bytes);
            widen(bytes, groups, layer->in_zero_point, strip + m);
        }
        multiply(layer, strip, weights, groups, count, pitch, out + first * layer->out_c);
        first += OUTPUTS * step;
    }
}

void edge_dsp_conv_transpose2d_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                  void *scratch) {
    const edge_conv2d *layer = descriptor;
    const taps down = taps_of(y + layer->pad_top, layer->kernel_h, layer->stride_h);
    const uint32_t *weights = layer->weights;
    EDGE_ASSERT(scratch != NULL);
    for (int32_t k = 0; k < layer->stride_h; k++) {
        const int32_t rows = count_of(layer->kernel_h, k, layer->stride_h);
        for (int32_t kx = 0; kx < layer->stride_w; kx++) {
            const int32_t first = (kx + layer->pad_left * (layer->stride_w - 1)) % layer->stride_w;
            if (k == down.k && first < layer->out_w) {
                multiply_phase(layer, in, down, first, weights, scratch, out);
            }
            weights += phase_words(layer, rows * count_of(layer->kernel_w, kx, layer->stride_w));
        }
    }
}

#endif
