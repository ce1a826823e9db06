/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic of recurrent operators, the one definition that every kernel reproduces. Inputs of
 * gates are Q3.12, functions of them Q0.15, hidden values Q0.7.
 */
#ifndef EDGE_RECURRENT_H
#define EDGE_RECURRENT_H

#include "edge/memory.h"
#include "edge/requantize.h"

static inline int32_t edge_clamp16(int32_t value) {
    return edge_clamp(value, INT16_MIN, INT16_MAX);
}

/* A gate's input from the sum of projection row `row`. */
static inline int16_t edge_gate_input(const edge_projection *p, int32_t row, int32_t sum) {
    return (int16_t)edge_clamp16(edge_scale_once(sum, p->multiplier[row], p->shift[row]));
}

/* tanh of Q3.12 in Q0.15: straight lines between the points of the table. */
static inline int32_t edge_tanh16(const int16_t *table, int32_t x) {
    const int32_t magnitude = edge_clamp(x < 0 ? -x : x, 0, INT16_MAX);
    const int16_t *point = table + (magnitude >> 7);
    const int32_t rise = (point[1] - point[0]) * (magnitude & 127);
    const int32_t found = point[0] + ((rise + 64) >> 7);
    return x < 0 ? -found : found;
}

/* sigmoid of Q3.12 in Q0.15, 0..2^15. */
static inline int32_t edge_sigmoid16(const int16_t *table, int32_t x) {
    return ((1 << 15) + 1 + edge_tanh16(table, x >> 1)) >> 1;
}

/* value * factor * 2^-15, rounded half up; factor in 0..2^15, |value| < 2^16. */
static inline int32_t edge_share16(int32_t value, int32_t factor) {
    return (value * factor + (1 << 14)) >> 15;
}

/* The next hidden value of a GRU unit: a and b point to its inputs of gate r, those of the other
 * gates are `units` further each. */
static inline int8_t edge_gru_unit(const int16_t *table, const int16_t *a, const int16_t *b,
                                   int32_t units, int8_t hidden) {
    const int32_t r = edge_sigmoid16(table, edge_clamp16(a[0] + b[0]));
    const int32_t z = edge_sigmoid16(table, edge_clamp16(a[units] + b[units]));
    const int32_t reset = edge_share16(b[2 * units], r);
    const int32_t n = edge_tanh16(table, edge_clamp16(a[2 * units] + reset));
    const int32_t mixed = n + edge_share16(hidden * 256 - n, z);
    return (int8_t)edge_clamp((mixed + 128) >> 8, INT8_MIN, INT8_MAX);
}

/* Gate inputs of all rows of a projection for the vector x. */
typedef void edge_project(const edge_projection *projection, int32_t rows, const int8_t *x,
                          int16_t *gates, void *scratch);

/* The portable edge_project: weights [rows][size] as they are; scratch unused. */
static inline void edge_gate_inputs(const edge_projection *projection, int32_t rows,
                                    const int8_t *x, int16_t *gates, void *scratch) {
    const int8_t *w = projection->weights;
    (void)scratch;
    for (int32_t row = 0; row < rows; row++, w += projection->size) {
        int32_t sum = projection->bias[row];
        for (int32_t i = 0; i < projection->size; i++) {
            sum += w[i] * x[i];
        }
        gates[row] = edge_gate_input(projection, row, sum);
    }
}

/* A GRU layer over all its steps. scratch: the gate inputs of both projections, int16[6 * units],
 * and what `project` needs. */
static inline void edge_gru_steps(const edge_recurrent *layer, const edge_rows *in, int8_t *out,
                                  int16_t *scratch, edge_project *project) {
    const int32_t units = layer->units, rows = 3 * units;
    int16_t *const a = scratch, *const b = scratch + rows;
    void *const rest = scratch + 2 * rows;
    const int8_t *x = in[0].data;
    const int8_t *hidden = out;
    if (layer->has_initial) {
        hidden = in[1].data;
    } else {
        memset(out, 0, (size_t)units);
    }
    for (int32_t t = 0; t < layer->steps; t++) {
        project(&layer->input, rows, x, a, rest);
        project(&layer->hidden, rows, hidden, b, rest);
        for (int32_t u = 0; u < units; u++) {
            out[u] = edge_gru_unit(layer->tanh, a + u, b + u, units, hidden[u]);
        }
        hidden = out;
        x += layer->input.size;
        out += units;
    }
}

/* The next hidden value of an LSTM unit, whose cell value is replaced; gates as in a GRU. */
static inline int8_t edge_lstm_unit(const int16_t *table, const int16_t *a, const int16_t *b,
                                    int32_t units, int16_t *cell) {
    const int32_t i = edge_sigmoid16(table, edge_clamp16(a[0] + b[0]));
    const int32_t f = edge_sigmoid16(table, edge_clamp16(a[units] + b[units]));
    const int32_t g = edge_tanh16(table, edge_clamp16(a[2 * units] + b[2 * units]));
    const int32_t o = edge_sigmoid16(table, edge_clamp16(a[3 * units] + b[3 * units]));
    const int32_t c = edge_clamp16((f * *cell + ((i * g) >> 4) + (1 << 14)) >> 15);
    const int32_t shown = o * edge_tanh16(table, edge_clamp16(2 * c));
    *cell = (int16_t)c;
    return (int8_t)edge_clamp((shown + (1 << 22)) >> 23, INT8_MIN, INT8_MAX);
}

static inline int32_t edge_words(int32_t bytes) {
    return (bytes + 3) & ~3;
}

/* Hidden values int8[units] and cell values int16[units] before the first step. */
static inline void edge_lstm_start(const edge_recurrent *layer, const edge_rows *in, int8_t *hidden,
                                   int16_t *cells) {
    const size_t units = (size_t)layer->units;
    if (layer->has_initial) {
        memcpy(hidden, in[1].data, units);
        memcpy(cells, in[2].data, sizeof *cells * units);
    } else {
        memset(hidden, 0, units);
        memset(cells, 0, sizeof *cells * units);
    }
}

/* An LSTM layer over all its steps. scratch: the gate inputs of both projections, int16[8 * units],
 * hidden values int8[units] and cell values int16[units], each in whole words, and what `project`
 * needs. */
static inline void edge_lstm_steps(const edge_recurrent *layer, const edge_rows *in, int16_t *out,
                                   int16_t *scratch, edge_project *project) {
    const int32_t units = layer->units, rows = 4 * units;
    int16_t *const a = scratch, *const b = scratch + rows;
    int8_t *const hidden = (int8_t *)(scratch + 2 * rows);
    int16_t *const cells = scratch + 2 * rows + edge_words(units) / 2;
    void *const rest = cells + edge_words(2 * units) / 2;
    const int8_t *x = in[0].data;
    edge_lstm_start(layer, in, hidden, cells);
    for (int32_t t = 0; t < layer->steps; t++) {
        project(&layer->input, rows, x, a, rest);
        project(&layer->hidden, rows, hidden, b, rest);
        for (int32_t u = 0; u < units; u++) {
            hidden[u] = edge_lstm_unit(layer->tanh, a + u, b + u, units, &cells[u]);
            out[u] = (int16_t)(hidden[u] * 16);
            out[units + u] = cells[u];
        }
        x += layer->input.size;
        out += 2 * units;
    }
}

#endif
