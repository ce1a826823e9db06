"""Facts of the .tflite schema: operator names, element types and the fields of option tables.

Source: schema.fbs of TensorFlow Lite (version 3), where fields are numbered from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct

from edge.frontends.tflite.flatbuffer import BOOL, FLOAT32, INT8, INT32

# BuiltinOperator by code.
OPERATORS = (
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE",
    "DEQUANTIZE", "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP",
    "L2_NORMALIZATION", "L2_POOL_2D", "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC",
    "LSH_PROJECTION", "LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6", "RESHAPE",
    "RESIZE_BILINEAR", "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS",
    "SKIP_GRAM", "CALL", "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD",
    "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND",
    "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE",
    "BIDIRECTIONAL_SEQUENCE_RNN", "EXP", "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE",
    "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU", "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS",
    "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL", "SELECT", "SLICE", "SIN",
    "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL", "NOT_EQUAL", "LOG",
    "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN", "FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX",
    "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND", "LOGICAL_NOT", "UNPACK", "REDUCE_MIN",
    "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE", "FILL", "FLOOR_MOD", "RANGE",
    "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD", "ABS", "SPLIT_V",
    "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK", "ELU",
    "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF",
    "WHILE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "SCATTER_ND", "SELECT_V2",
    "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL", "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM",
    "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D", "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE",
    "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE",
    "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL",
    "BUCKETIZE", "RANDOM_UNIFORM", "MULTINOMIAL", "GELU", "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1",
    "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM", "ATAN2",
    "UNSORTED_SEGMENT_MIN", "SIGN", "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT", "STABLEHLO_LOGISTIC",
    "STABLEHLO_ADD", "STABLEHLO_DIVIDE", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM",
    "STABLEHLO_RESHAPE", "STABLEHLO_CLAMP", "STABLEHLO_CONCATENATE", "STABLEHLO_BROADCAST_IN_DIM",
    "STABLEHLO_CONVOLUTION", "STABLEHLO_SLICE", "STABLEHLO_CUSTOM_CALL", "STABLEHLO_REDUCE",
    "STABLEHLO_ABS", "STABLEHLO_AND", "STABLEHLO_COSINE", "STABLEHLO_EXPONENTIAL",
    "STABLEHLO_FLOOR", "STABLEHLO_LOG", "STABLEHLO_MINIMUM", "STABLEHLO_NEGATE", "STABLEHLO_OR",
    "STABLEHLO_POWER", "STABLEHLO_REMAINDER", "STABLEHLO_RSQRT", "STABLEHLO_SELECT",
    "STABLEHLO_SUBTRACT", "STABLEHLO_TANH", "STABLEHLO_SCATTER", "STABLEHLO_COMPARE",
    "STABLEHLO_CONVERT", "STABLEHLO_DYNAMIC_SLICE", "STABLEHLO_DYNAMIC_UPDATE_SLICE",
    "STABLEHLO_PAD", "STABLEHLO_IOTA", "STABLEHLO_DOT_GENERAL", "STABLEHLO_REDUCE_WINDOW",
    "STABLEHLO_SORT", "STABLEHLO_WHILE", "STABLEHLO_GATHER", "STABLEHLO_TRANSPOSE", "DILATE",
    "STABLEHLO_RNG_BIT_GENERATOR", "REDUCE_WINDOW", "STABLEHLO_COMPOSITE", "STABLEHLO_SHIFT_LEFT",
    "STABLEHLO_CBRT", "STABLEHLO_CASE",
)  # fmt: skip

# TensorType by code.
ELEMENT_TYPES = (
    "float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8",
    "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4",
    "bfloat16", "int2", "uint4", "float8_e4m3fn", "float8_e5m2",
)  # fmt: skip

# ActivationFunctionType by code, in the words of the IR where it has them.
FUSED_ACTIVATIONS = ("none", "relu", "relu_n1_to_1", "relu6", "tanh", "sign_bit")

SAME, VALID = 0, 1  # Padding


@dataclass(frozen=True)
class Field:
    """A scalar field of an option table; a field that is absent has the default."""

    number: int
    form: Struct
    default: int | float | bool = 0


@dataclass(frozen=True)
class Options:
    """An option table: its code in the BuiltinOptions union and the fields that matter here.

    `texts` are the numbers of those that hold text.
    """

    code: int
    fields: Mapping[str, Field]
    texts: Mapping[str, int] = field(default_factory=dict)


_POOL = Options(
    5,
    {
        "padding": Field(0, INT8),
        "stride_w": Field(1, INT32),
        "stride_h": Field(2, INT32),
        "kernel_w": Field(3, INT32),
        "kernel_h": Field(4, INT32),
        "activation": Field(5, INT8),
    },
)

OPTIONS: Mapping[str, Options] = {
    "CONV_2D": Options(
        1,
        {
            "padding": Field(0, INT8),
            "stride_w": Field(1, INT32),
            "stride_h": Field(2, INT32),
            "activation": Field(3, INT8),
            "dilation_w": Field(4, INT32, 1),
            "dilation_h": Field(5, INT32, 1),
        },
    ),
    "DEPTHWISE_CONV_2D": Options(
        2,
        {
            "padding": Field(0, INT8),
            "stride_w": Field(1, INT32),
            "stride_h": Field(2, INT32),
            "activation": Field(4, INT8),
            "dilation_w": Field(5, INT32, 1),
            "dilation_h": Field(6, INT32, 1),
        },
    ),
    "AVERAGE_POOL_2D": _POOL,
    "MAX_POOL_2D": _POOL,
    "FULLY_CONNECTED": Options(
        8,
        {
            "activation": Field(0, INT8),
            "weights_format": Field(1, INT8),
        },
    ),
    "SOFTMAX": Options(9, {"beta": Field(0, FLOAT32, 0.0)}),
    "CONCATENATION": Options(10, {"axis": Field(0, INT32), "activation": Field(1, INT8)}),
    "ADD": Options(11, {"activation": Field(0, INT8)}),
    "RESIZE_BILINEAR": Options(
        15, {"align_corners": Field(2, BOOL), "half_pixel_centers": Field(3, BOOL)}
    ),
    "MUL": Options(21, {"activation": Field(0, INT8)}),
    "MEAN": Options(27, {"keepdims": Field(0, BOOL)}),
    "SUB": Options(28, {"activation": Field(0, INT8)}),
    "STRIDED_SLICE": Options(
        32,
        {
            "begin_mask": Field(0, INT32),
            "end_mask": Field(1, INT32),
            "ellipsis_mask": Field(2, INT32),
            "new_axis_mask": Field(3, INT32),
            "shrink_axis_mask": Field(4, INT32),
            "end_is_length": Field(5, BOOL),
        },
    ),
    "TRANSPOSE_CONV": Options(
        49,
        {
            "padding": Field(0, INT8),
            "stride_w": Field(1, INT32),
            "stride_h": Field(2, INT32),
            "activation": Field(3, INT8),
        },
    ),
    "BATCH_MATMUL": Options(101, {"adj_x": Field(0, BOOL), "adj_y": Field(1, BOOL)}),
    "PACK": Options(59, {"axis": Field(1, INT32)}),
    "RESIZE_NEAREST_NEIGHBOR": Options(
        74, {"align_corners": Field(0, BOOL), "half_pixel_centers": Field(1, BOOL)}
    ),
    "LEAKY_RELU": Options(75, {"alpha": Field(0, FLOAT32, 0.0)}),
    "CALL_ONCE": Options(103, {"subgraph": Field(0, INT32)}),
    "VAR_HANDLE": Options(111, {}, {"name": 1}),
    "GELU": Options(116, {"approximate": Field(0, BOOL)}),
}
