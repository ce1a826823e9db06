"""PT2E's quantize and dequantize operators; those of constants become quantized constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import REAL, Builder
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import Constant, Operand
from edge.ir import DType, Quantization
from edge.ir.types import Array

_SIGNED_ONLY = "choose a quantizer with int8 activations: XNNPACKQuantizer or EdgeQuantizer"


def _per_tensor(arguments: Arguments) -> Quantization:
    scale, zero_point = (_number(arguments[name]) for name in ("scale", "zero_point"))
    return Quantization.per_tensor(float(scale), int(zero_point))


def _number(value: Any) -> float:
    """Some programs carry the scale as a tensor of one element."""
    if isinstance(value, Constant):
        return float(value.array.reshape(-1)[0])
    if isinstance(value, int | float):
        return value
    raise unsupported(
        "dynamic quantization: the scale is computed at run time",
        "use static quantization: is_dynamic=False and calibration data",
    )


def _require_int8(arguments: Arguments) -> None:
    dtype = str(arguments["dtype"]).removeprefix("torch.")
    bounds = (arguments["quant_min"], arguments["quant_max"])
    if dtype != "int8" or bounds not in ((-128, 127), (-127, 127)):
        raise unsupported(f"activations of {dtype} in {bounds} (only int8)", _SIGNED_ONLY)


def quantize_per_tensor(builder: Builder, arguments: Arguments) -> Operand:
    x, quantization = arguments["input"], _per_tensor(arguments)
    _require_int8(arguments)
    if isinstance(x, Constant):
        return Constant(x.name, _rounded(x.array, arguments, quantization), quantization)
    element = (DType.INT8, quantization)
    return builder.result(builder.emit("quantize", [x.name], element=element), x)


def _rounded(array: Array, arguments: Arguments, quantization: Quantization) -> Array:
    scale, zero_point = quantization.scale[0], quantization.zero_point[0]
    stored = np.rint(array.astype(np.float64) / scale) + zero_point
    clipped: Array = np.clip(stored, arguments["quant_min"], arguments["quant_max"])
    return clipped.astype(np.int8)


def dequantize_per_tensor(builder: Builder, arguments: Arguments) -> Operand:
    x = arguments["input"]
    if isinstance(x, Constant):
        return Constant(x.name, x.array, _per_tensor(arguments))
    if builder.values[x.name].type.quantization != _per_tensor(arguments):
        raise unsupported("quantize and dequantize with different scales")
    return builder.result(builder.emit("dequantize", [x.name], element=REAL), x)


def dequantize_per_channel(builder: Builder, arguments: Arguments) -> Operand:
    x = arguments.constant("input")
    scales = arguments.constant("scales").array.tolist()
    zero_points = arguments.optional_constant("zero_points")
    zeros = [0] * len(scales) if zero_points is None else zero_points.array.tolist()
    quantization = Quantization(tuple(scales), tuple(map(int, zeros)), arguments["axis"])
    return Constant(x.name, x.array, quantization)


_PREFIX = "quantized_decomposed."

CONVERTERS = {
    f"{_PREFIX}quantize_per_tensor.default": quantize_per_tensor,
    f"{_PREFIX}quantize_per_tensor.tensor": quantize_per_tensor,
    f"{_PREFIX}dequantize_per_tensor.default": dequantize_per_tensor,
    f"{_PREFIX}dequantize_per_tensor.tensor": dequantize_per_tensor,
    f"{_PREFIX}dequantize_per_channel.default": dequantize_per_channel,
}
