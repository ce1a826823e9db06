/* SPDX-License-Identifier: Apache-2.0
 *
 * A program without a C library that refers to every kernel of ref. It is linked, never run.
 */
#include "edge/kernels.h"
#include "edge/memory.h"

edge_kernel *const edge_every_kernel[] = {
    edge_ref_add_broadcast_f32,
    edge_ref_add_broadcast_s8,
    edge_ref_add_f32,
    edge_ref_add_s8,
    edge_ref_advance,
    edge_ref_append,
    edge_ref_argmax_s8,
    edge_ref_avg_pool2d_f32,
    edge_ref_avg_pool2d_rows_f32,
    edge_ref_avg_pool2d_rows_s8,
    edge_ref_avg_pool2d_s8,
    edge_ref_concat,
    edge_ref_conv2d_f32,
    edge_ref_conv2d_fused_f32,
    edge_ref_conv2d_s8,
    edge_ref_conv2d_sparse_s8,
    edge_ref_conv_transpose2d_f32,
    edge_ref_conv_transpose2d_fused_f32,
    edge_ref_conv_transpose2d_s8,
    edge_ref_copy,
    edge_ref_depthwise_conv2d_f32,
    edge_ref_depthwise_conv2d_fused_f32,
    edge_ref_depthwise_conv2d_s8,
    edge_ref_depthwise_conv2d_sparse_s8,
    edge_ref_dequantize_s8_f32,
    edge_ref_embedding_s8_s16,
    edge_ref_gru_f32,
    edge_ref_gru_fused_f32,
    edge_ref_gru_s8,
    edge_ref_hidden_s16_s8,
    edge_ref_layer_norm_f32,
    edge_ref_layer_norm_s8,
    edge_ref_linear_f32,
    edge_ref_linear_fused_f32,
    edge_ref_linear_s8,
    edge_ref_linear_sparse_s8,
    edge_ref_lookup_s8,
    edge_ref_lstm_f32,
    edge_ref_lstm_fused_f32,
    edge_ref_lstm_s8,
    edge_ref_matmul_f32,
    edge_ref_matmul_fused_f32,
    edge_ref_matmul_s8,
    edge_ref_max_pool2d_f32,
    edge_ref_max_pool2d_s8,
    edge_ref_mean_f32,
    edge_ref_mean_rows_f32,
    edge_ref_mean_rows_s8,
    edge_ref_mean_s8,
    edge_ref_mul_broadcast_f32,
    edge_ref_mul_broadcast_s8,
    edge_ref_mul_f32,
    edge_ref_mul_s8,
    edge_ref_pad_f32,
    edge_ref_pad_s8,
    edge_ref_quantize_f32_s8,
    edge_ref_requantize_s8,
    edge_ref_residual_s16_s8,
    edge_ref_resize_bilinear_f32,
    edge_ref_resize_bilinear_s8,
    edge_ref_resize_nearest,
    edge_ref_ring_attention_s8,
    edge_ref_rms_norm_s16_s8,
    edge_ref_rotary_s8,
    edge_ref_rotary_s8_s16,
    edge_ref_softmax_f32,
    edge_ref_softmax_s8,
    edge_ref_strided,
    edge_ref_unary_f32,
};

/* Volatile, lest the compiler turns the loops into calls of the functions that they define. */
void *memcpy(void *to, const void *from, size_t bytes) {
    volatile char *t = to;
    const char *f = from;
    for (size_t i = 0; i < bytes; i++) {
        t[i] = f[i];
    }
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    volatile char *t = to;
    for (size_t i = 0; i < bytes; i++) {
        t[i] = (char)value;
    }
    return to;
}

void _start(void);

void _start(void) {
    for (;;) {
    }
}
