/* SPDX-License-Identifier: Apache-2.0
 *
 * A function of one variable, float32:
 *
 *     out[i] = f(x[i]), 0 <= i < elements
 *
 * The functions are those of edge/f32_functions.h.
 */
#include "edge/f32_functions.h"
#include "edge/kernels.h"

static float hard_sigmoid(float x) {
    return edge_limited_f32(x + 3.0f, 0.0f, 6.0f) / 6.0f;
}

static float gelu_tanh(float x) {
    const float inner = x + 0x1.6e4e26p-5f * (x * x * x);
    return x * edge_sigmoid(0x1.988454p+0f * inner);
}

static float elu(float x) {
    return x < 0.0f ? edge_expm1(x) : x;
}

static float function_of(edge_f32_function function, float alpha, float x) {
    switch (function) {
    case EDGE_F32_RELU:
        return edge_limited_f32(x, 0.0f, EDGE_INFINITY);
    case EDGE_F32_RELU6:
        return edge_limited_f32(x, 0.0f, 6.0f);
    case EDGE_F32_RELU_N1_TO_1:
        return edge_limited_f32(x, -1.0f, 1.0f);
    case EDGE_F32_LEAKY_RELU:
        return x >= 0.0f ? x : x * alpha;
    case EDGE_F32_SIGMOID:
        return edge_sigmoid(x);
    case EDGE_F32_TANH:
        return edge_tanh(x);
    case EDGE_F32_HARD_SWISH:
        return x * hard_sigmoid(x);
    case EDGE_F32_HARD_SIGMOID:
        return hard_sigmoid(x);
    case EDGE_F32_SILU:
        return x * edge_sigmoid(x);
    case EDGE_F32_GELU:
        return edge_gelu(x);
    case EDGE_F32_GELU_TANH:
        return gelu_tanh(x);
    case EDGE_F32_ELU:
        return elu(x);
    case EDGE_F32_EXP:
        return edge_exp(x);
    case EDGE_F32_LOG:
        return edge_log(x);
    case EDGE_F32_SQRT:
        return edge_sqrt(x);
    case EDGE_F32_RSQRT:
        return edge_rsqrt(x);
    case EDGE_F32_ABS:
        return edge_absolute(x);
    case EDGE_F32_NEGATE:
        return -x;
    default:
        return x * x;
    }
}

void edge_ref_unary_f32(const void *descriptor, const edge_rows *in, int32_t y, void *out,
                        void *scratch) {
    const edge_unary_f32 *layer = descriptor;
    const float *x = edge_row(in, y);
    float *to = out;
    (void)scratch;
    EDGE_ASSERT(x != NULL);
    for (int32_t i = 0; i < layer->elements; i++) {
        to[i] = function_of((edge_f32_function)layer->function, layer->alpha, x[i]);
    }
}
