"""QUANTIZE and DEQUANTIZE: between float32 and int8, or folded where the input is a constant."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.diagnostics import (
    DTYPE,
    Unsupported,
)
from edge.ir import DType, Quantization, TensorType, Value
from edge.ir.types import Array


def quantize(call: Call) -> None:
    """float32 to int8, or int8 to an int8 of another scale."""
    x, y = call.activation(), call.output()
    if y.type.dtype is not DType.INT8:
        raise Unsupported(DTYPE, f"QUANTIZE to {y.type.dtype} is not supported")
    call.emit("quantize" if x.type.dtype is DType.FLOAT32 else "requantize", (x,), y)


def dequantize(call: Call) -> None:
    data = call.known(0)
    if data is None:
        x, y = call.activation(), call.output()
        if (x.type.dtype, y.type.dtype) != (DType.INT8, DType.FLOAT32):
            raise Unsupported(DTYPE, f"DEQUANTIZE of {x.type.dtype} is not supported")
        call.emit("dequantize", (x,), y)
    elif data.dtype == np.float16:
        call.fold(data.astype(np.float32))
    else:
        call.fold(widened(call, data, call.input(0).type.quantization))


def dequantized(call: Call, weight: Value, stored: Array) -> Value:
    """A float32 constant with the real values of a quantized one."""
    data = widened(call, stored, weight.type.quantization)
    call.draft.model.source.spend(data.nbytes)
    return call.draft.new(f"{weight.name}_float", TensorType(data.shape, DType.FLOAT32), data)


def widened(call: Call, data: Array, quantization: Quantization | None) -> npt.NDArray[np.float32]:
    """(stored - zero_point) * scale in float32, by channel where the scales are."""
    if quantization is None or data.dtype != np.int8:
        raise Unsupported(DTYPE, f"{call.operator.kind} of a constant {data.dtype}")
    shape = [1] * data.ndim
    if quantization.axis is not None:
        shape[quantization.axis] = -1
    scale = np.array(quantization.scale, np.float32).reshape(shape)
    zero_point = np.array(quantization.zero_point, np.float32).reshape(shape)
    return np.asarray((data.astype(np.float32) - zero_point) * scale, np.float32)
