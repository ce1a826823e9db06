/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention of one token over rings of keys and values; for each head and the n rows that are held
 *
 *     score[t] = sum over i of q[i] * keys[t][i]
 *     e[t] = table[(largest score - score[t]) * multiplier >> 31, half up, at most 511]
 *     out[i] = clamp(ratio * (sum over t of e[t] * values[t][i]) / (sum over t of e[t]))
 *
 * with the mean as edge/decoder.h makes it. A group of heads shares keys and values.
 *
 * Scratch: a score of each row, 4 * window bytes.
 *
 * Ranges: |score| < 2^30 for heads of up to 256 channels; the table is made such that the sums over
 * the window stay below 2^31.
 */
#include "edge/decoder.h"
#include "edge/kernels.h"

static int32_t score(const int16_t *q, const int8_t *key, int32_t size) {
    int32_t sum = 0;
    for (int32_t i = 0; i < size; i++) {
        sum += q[i] * key[i];
    }
    return sum;
}

/* The scores of all rows; the largest of them. */
static int32_t scores(const edge_ring_attention *layer, const int16_t *q, const int8_t *keys,
                      int32_t rows, int32_t *made) {
    const int32_t pitch = layer->groups * layer->size;
    int32_t most = INT32_MIN;
    for (int32_t t = 0; t < rows; t++) {
        made[t] = score(q, keys + t * pitch, layer->size);
        most = made[t] > most ? made[t] : most;
    }
    return most;
}

/* Scores become weights; their sum. */
static int32_t weights(const edge_ring_attention *layer, int32_t *score, int32_t rows,
                       int32_t most) {
    int32_t total = 0;
    for (int32_t t = 0; t < rows; t++) {
        score[t] = edge_weight(layer, most - score[t]);
        total += score[t];
    }
    return total;
}

/* `first` is the channel of the values that is out[0]. */
static void means(const edge_ring_attention *layer, const int32_t *weight, const int8_t *values,
                  int32_t first, int32_t rows, int32_t total, int8_t *out) {
    const int32_t pitch = layer->groups * layer->size;
    const edge_mean_of mean = edge_mean_by(layer, total);
    for (int32_t i = 0; i < layer->size; i++) {
        int32_t sum = 0;
        for (int32_t t = 0; t < rows; t++) {
            sum += weight[t] * values[edge_in_pairs(pitch, t, first + i)];
        }
        out[i] = edge_mean_value(&mean, sum);
    }
}

void edge_ref_ring_attention_s8(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                                void *scratch) {
    const edge_ring_attention *layer = descriptor;
    const int16_t *q = in[0].data;
    const int8_t *keys = in[1].data, *values = in[2].data;
    const int32_t rows = edge_rows_held(layer, edge_position(in + 3));
    const int32_t size = layer->size, shared = layer->heads / layer->groups;
    int8_t *to = out;
    int32_t *score = scratch;
    (void)y;
    for (int32_t head = 0; head < layer->heads; head++) {
        const int32_t group = head / shared * size;
        const int32_t most = scores(layer, q + head * size, keys + group, rows, score);
        const int32_t total = weights(layer, score, rows, most);
        means(layer, score, values, group, rows, total, to + head * size);
    }
}
