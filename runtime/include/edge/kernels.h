/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kernel of the runtime: edge_<folder>_<file>, defined in runtime/kernels/<folder>/<file>.
 * All folders give the same bits; ref is the specification.
 */
#ifndef EDGE_KERNELS_H
#define EDGE_KERNELS_H

#include "edge/edge.h"

edge_kernel edge_dsp_add_s8;
edge_kernel edge_dsp_avg_pool2d_s8;
edge_kernel edge_dsp_conv2d_lean_s8;
edge_kernel edge_dsp_conv2d_s8;
edge_kernel edge_dsp_conv2d_wide_s8;
edge_kernel edge_dsp_depthwise_conv2d_s8;
edge_kernel edge_dsp_depthwise_window_lean_s8;
edge_kernel edge_dsp_depthwise_window_s2_lean_s8;
edge_kernel edge_dsp_depthwise_window_s2_s8;
edge_kernel edge_dsp_depthwise_window_s8;
edge_kernel edge_dsp_linear_s8;
edge_kernel edge_dsp_lookup_s8;
edge_kernel edge_dsp_max_pool2d_s8;
edge_kernel edge_dsp_mean_s8;
edge_kernel edge_dsp_mul_s8;
edge_kernel edge_dsp_pointwise_conv2d_s8;
edge_kernel edge_dsp_pointwise_conv2d_wide_s8;

edge_kernel edge_mve_add_s8;
edge_kernel edge_mve_avg_pool2d_s8;
edge_kernel edge_mve_conv2d_s8;
edge_kernel edge_mve_depthwise_conv2d_large_s8;
edge_kernel edge_mve_depthwise_conv2d_s8;
edge_kernel edge_mve_linear_s8;
edge_kernel edge_mve_lookup_s8;
edge_kernel edge_mve_mean_s8;
edge_kernel edge_mve_pointwise_conv2d_s8;

edge_kernel edge_neon_add_s8;
edge_kernel edge_neon_avg_pool2d_s8;
edge_kernel edge_neon_conv2d_s8;
edge_kernel edge_neon_depthwise_conv2d_s8;
edge_kernel edge_neon_linear_s8;
edge_kernel edge_neon_lookup_s8;
edge_kernel edge_neon_max_pool2d_s8;
edge_kernel edge_neon_mean_s8;
edge_kernel edge_neon_mul_s8;

edge_kernel edge_neondot_conv2d_s8;
edge_kernel edge_neondot_linear_s8;

edge_kernel edge_neoni8mm_conv2d_s8;
edge_kernel edge_neoni8mm_linear_s8;

edge_kernel edge_ref_add_s8;
edge_kernel edge_ref_avg_pool2d_rows_s8;
edge_kernel edge_ref_avg_pool2d_s8;
edge_kernel edge_ref_concat;
edge_kernel edge_ref_conv2d_s8;
edge_kernel edge_ref_copy;
edge_kernel edge_ref_depthwise_conv2d_s8;
edge_kernel edge_ref_dequantize_s8_f32;
edge_kernel edge_ref_linear_s8;
edge_kernel edge_ref_lookup_s8;
edge_kernel edge_ref_max_pool2d_s8;
edge_kernel edge_ref_mean_rows_s8;
edge_kernel edge_ref_mean_s8;
edge_kernel edge_ref_mul_s8;
edge_kernel edge_ref_pad_s8;
edge_kernel edge_ref_quantize_f32_s8;
edge_kernel edge_ref_requantize_s8;
edge_kernel edge_ref_resize_bilinear_s8;
edge_kernel edge_ref_resize_nearest_s8;
edge_kernel edge_ref_softmax_s8;
edge_kernel edge_ref_strided;

edge_kernel edge_simd128_add_s8;
edge_kernel edge_simd128_avg_pool2d_s8;
edge_kernel edge_simd128_conv2d_s8;
edge_kernel edge_simd128_depthwise_conv2d_s8;
edge_kernel edge_simd128_max_pool2d_s8;
edge_kernel edge_simd128_mean_s8;
edge_kernel edge_simd128_pointwise_conv2d_s8;

#endif
