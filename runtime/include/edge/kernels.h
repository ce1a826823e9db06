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
edge_kernel edge_dsp_conv2d_s8;
edge_kernel edge_dsp_conv2d_wide_s8;
edge_kernel edge_dsp_depthwise_conv2d_s8;
edge_kernel edge_dsp_linear_s8;
edge_kernel edge_dsp_max_pool2d_s8;
edge_kernel edge_dsp_mean_s8;
edge_kernel edge_dsp_pointwise_conv2d_s8;
edge_kernel edge_dsp_pointwise_conv2d_wide_s8;

edge_kernel edge_ref_add_s8;
edge_kernel edge_ref_avg_pool2d_s8;
edge_kernel edge_ref_concat;
edge_kernel edge_ref_conv2d_s8;
edge_kernel edge_ref_copy;
edge_kernel edge_ref_depthwise_conv2d_s8;
edge_kernel edge_ref_dequantize_s8_f32;
edge_kernel edge_ref_linear_s8;
edge_kernel edge_ref_lookup_s8;
edge_kernel edge_ref_max_pool2d_s8;
edge_kernel edge_ref_mean_s8;
edge_kernel edge_ref_mul_s8;
edge_kernel edge_ref_pad_s8;
edge_kernel edge_ref_quantize_f32_s8;
edge_kernel edge_ref_requantize_s8;
edge_kernel edge_ref_resize_bilinear_s8;
edge_kernel edge_ref_resize_nearest_s8;
edge_kernel edge_ref_softmax_s8;
edge_kernel edge_ref_strided;

#endif
