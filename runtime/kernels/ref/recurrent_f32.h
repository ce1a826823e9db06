/* SPDX-License-Identifier: Apache-2.0
 *
 * Recurrent operators, float32. For each step, with the hidden values h of the step before:
 *
 *     a[row] = input_bias[row] + sum over i, upwards, of input_weights[row][i] * x[t][i]
 *     b[row] = hidden_bias[row] + sum over i, upwards, of hidden_weights[row][i] * h[i]
 *
 * and for each unit, every operation rounded, in the order written (gates of rows r * units + u):
 *
 *     gru:  r, z = sigmoid(a + b), n = tanh(a_n + r * b_n), h' = n + z * (h - n)
 *     lstm: i, f, o = sigmoid(a + b), g = tanh(a_g + b_g), c' = f * c + i * g, h' = o * tanh(c')
 *
 * The functions are those of edge/f32_functions.h. Scratch: a and b.
 */
#ifndef EDGE_REF_RECURRENT_F32_H
#define EDGE_REF_RECURRENT_F32_H

#include "edge/f32_functions.h"
#include "edge/f32_madd.h"
#include "edge/memory.h"

static inline void project(const float *weights, const float *bias, int32_t rows, int32_t size,
                           const float *x, float *gates) {
    for (int32_t row = 0; row < rows; row++, weights += size) {
        gates[row] = edge_finished_f32(edge_dot_f32(x, weights, size, bias[row]));
    }
}

/* Both projections at step t. */
static inline void gate_inputs(const edge_recurrent_f32 *layer, int32_t rows, const float *x,
                               const float *hidden, float *a, float *b) {
    project(layer->input_weights, layer->input_bias, rows, layer->features, x, a);
    project(layer->hidden_weights, layer->hidden_bias, rows, layer->units, hidden, b);
}

/* The values before the first step: those of an input, or zeros, for which `zeros` has room. */
static inline const float *first_values(const edge_recurrent_f32 *layer, const edge_rows *in,
                                        float *zeros) {
    if (layer->has_initial) {
        return in->data;
    }
    memset(zeros, 0, sizeof *zeros * (size_t)layer->units);
    return zeros;
}

static inline float gru_unit(const float *a, const float *b, int32_t units, float hidden) {
    const float r = edge_sigmoid(a[0] + b[0]);
    const float z = edge_sigmoid(a[units] + b[units]);
    const float n = edge_tanh(a[2 * units] + r * b[2 * units]);
    return n + z * (hidden - n);
}

static inline void gru_steps(const edge_recurrent_f32 *layer, const edge_rows *in, float *out,
                             float *scratch) {
    const int32_t units = layer->units, rows = 3 * units;
    float *const a = scratch, *const b = scratch + rows;
    const float *x = in[0].data, *hidden = first_values(layer, &in[1], out);
    for (int32_t t = 0; t < layer->steps; t++, x += layer->features, out += units) {
        gate_inputs(layer, rows, x, hidden, a, b);
        for (int32_t u = 0; u < units; u++) {
            out[u] = gru_unit(a + u, b + u, units, hidden[u]);
        }
        hidden = out;
    }
}

/* The next cell value of a unit; *shown becomes its hidden value. */
static inline float lstm_unit(const float *a, const float *b, int32_t units, float cell,
                              float *shown) {
    const float i = edge_sigmoid(a[0] + b[0]);
    const float f = edge_sigmoid(a[units] + b[units]);
    const float g = edge_tanh(a[2 * units] + b[2 * units]);
    const float o = edge_sigmoid(a[3 * units] + b[3 * units]);
    const float made = f * cell + i * g;
    *shown = o * edge_tanh(made);
    return made;
}

static inline void lstm_steps(const edge_recurrent_f32 *layer, const edge_rows *in, float *out,
                              float *scratch) {
    const int32_t units = layer->units, rows = 4 * units;
    float *const a = scratch, *const b = scratch + rows;
    const float *x = in[0].data, *hidden = first_values(layer, &in[1], out);
    const float *cells = first_values(layer, &in[2], out + units);
    for (int32_t t = 0; t < layer->steps; t++, x += layer->features, out += 2 * units) {
        gate_inputs(layer, rows, x, hidden, a, b);
        for (int32_t u = 0; u < units; u++) {
            out[units + u] = lstm_unit(a + u, b + u, units, cells[u], &out[u]);
        }
        hidden = out;
        cells = out + units;
    }
}

#endif
