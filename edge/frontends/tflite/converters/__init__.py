"""The operators Edge imports: one table from the schema's operator name to its converter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.converters import (
    convolution,
    elementwise,
    pooling,
    product,
    quantization,
    shape,
    shape_arithmetic,
    slicing,
    sparsity,
    variables,
)

Converter = Callable[[Call], None]

CONVERTERS: Mapping[str, Converter] = {
    "CONV_2D": convolution.conv_2d,
    "DEPTHWISE_CONV_2D": convolution.depthwise_conv_2d,
    "TRANSPOSE_CONV": convolution.transpose_conv,
    "FULLY_CONNECTED": convolution.fully_connected,
    "BATCH_MATMUL": product.batch_matmul,
    "AVERAGE_POOL_2D": pooling.average_pool_2d,
    "MAX_POOL_2D": pooling.max_pool_2d,
    "MEAN": pooling.mean,
    "RESIZE_BILINEAR": pooling.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": pooling.resize_nearest_neighbor,
    "ADD": elementwise.add,
    "SUB": elementwise.sub,
    "MUL": elementwise.mul,
    "SOFTMAX": elementwise.softmax,
    "LEAKY_RELU": elementwise.leaky_relu,
    "GELU": elementwise.gelu,
    **dict.fromkeys(elementwise.FUNCTIONS, elementwise.unary),
    "RESHAPE": shape.reshape,
    "SQUEEZE": shape.reshape,
    "EXPAND_DIMS": shape.reshape,
    "TRANSPOSE": shape.transpose,
    "PAD": shape.pad,
    "PADV2": shape.pad,
    "CONCATENATION": shape.concatenation,
    "SLICE": slicing.slice_,
    "STRIDED_SLICE": slicing.strided_slice,
    "SPLIT": slicing.split,
    "SPLIT_V": slicing.split_v,
    "SHAPE": shape_arithmetic.shape,
    "PACK": shape.pack,
    "QUANTIZE": quantization.quantize,
    "DEQUANTIZE": quantization.dequantize,
    "DENSIFY": sparsity.densify,
    "CALL_ONCE": variables.call_once,
    "VAR_HANDLE": variables.var_handle,
    "READ_VARIABLE": variables.read_variable,
    "ASSIGN_VARIABLE": variables.assign_variable,
}
