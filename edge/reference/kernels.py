"""Which reference kernel runs an operator, by the element type of its first input."""

from __future__ import annotations

from edge.errors import fail
from edge.ir import DType
from edge.ir.types import FLOAT_ROUNDINGS, Array
from edge.reference import (
    decoder,
    float_kernels,
    float_ordered,
    float_ordered_recurrent,
    int8_attention,
    int8_dense,
    int8_elementwise,
    int8_pool,
    moves,
    recurrent,
)
from edge.reference.call import Call, Kernel

MOVES: dict[str, Kernel] = {
    "concat": moves.concat,
    "pad": moves.pad,
    "reshape": moves.reshape,
    "resize": moves.resize,
    "slice": moves.strided_slice,
    "transpose": moves.transpose,
}

INT8: dict[str, Kernel] = {
    "add": int8_elementwise.add,
    "append": decoder.append,
    "argmax": decoder.argmax,
    "avg_pool2d": int8_pool.avg_pool2d,
    "conv2d": int8_dense.conv2d,
    "conv_transpose2d": int8_dense.conv_transpose2d,
    "depthwise_conv2d": int8_dense.depthwise_conv2d,
    "dequantize": int8_elementwise.dequantize,
    "gru": recurrent.gru_int8,
    "layer_norm": int8_attention.layer_norm,
    "linear": int8_dense.linear,
    "lookup": int8_elementwise.lookup,
    "lstm": recurrent.lstm_int8,
    "matmul": int8_attention.matmul,
    "max_pool2d": int8_pool.max_pool2d,
    "mean": int8_pool.mean,
    "mul": int8_elementwise.mul,
    "quantize": int8_elementwise.requantize,
    "requantize": int8_elementwise.requantize,
    "rotary": decoder.rotary,
    "softmax": int8_elementwise.softmax,
    "sub": int8_elementwise.add,
    "unary": int8_elementwise.unary,
}

FLOAT32: dict[str, Kernel] = {
    "add": float_kernels.add,
    "avg_pool2d": float_kernels.avg_pool2d,
    "batch_norm": float_kernels.batch_norm,
    "conv2d": float_kernels.conv2d,
    "conv_transpose2d": float_kernels.conv_transpose2d,
    "depthwise_conv2d": float_kernels.depthwise_conv2d,
    "gru": recurrent.gru_float,
    "hidden": recurrent.hidden_float,
    "layer_norm": float_kernels.layer_norm,
    "linear": float_kernels.linear,
    "lstm": recurrent.lstm_float,
    "matmul": float_kernels.matmul,
    "max_pool2d": float_kernels.max_pool2d,
    "mean": float_kernels.mean,
    "mul": float_kernels.mul,
    "quantize": int8_elementwise.quantize,
    "requantize": float_kernels.identity,
    "softmax": float_kernels.softmax,
    "sub": float_kernels.sub,
    "unary": float_kernels.unary,
}

FLOAT_ORDERED: dict[str, Kernel] = {
    **float_ordered.KERNELS,
    **float_ordered_recurrent.KERNELS,
    "hidden": recurrent.hidden_float,
}

INT16: dict[str, Kernel] = {
    "hidden": recurrent.hidden_int16,
    "residual": decoder.residual,
    "ring_attention": decoder.ring_attention,
    "rms_norm": decoder.rms_norm,
}

INT32: dict[str, Kernel] = {"advance": decoder.advance, "embedding": decoder.embedding}

KERNELS: dict[DType, dict[str, Kernel]] = {
    DType.INT8: INT8,
    DType.INT16: INT16,
    DType.INT32: INT32,
    DType.FLOAT32: FLOAT32,
}


def execute(call: Call) -> Array:
    """The output of one node. Raises EdgeError E0101 if no kernel takes its element type."""
    dtype = call.graph.type(call.node.inputs[0]).dtype
    table = FLOAT_ORDERED if call.graph.rounding in FLOAT_ROUNDINGS else KERNELS.get(dtype, {})
    kernel = MOVES.get(call.node.op) or table.get(call.node.op)
    if kernel is None:
        raise fail("E0101", f"{call.node.op} of {dtype} is not supported", call.node.where)
    return kernel(call)
