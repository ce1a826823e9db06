"""Arithmetic of two tensors, SOFTMAX and the functions of one value."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.converters import shape_arithmetic
from edge.frontends.tflite.diagnostics import (
    DTYPE,
    Unsupported,
    unsupported_attribute,
)
from edge.frontends.tflite.flatbuffer import damaged

FUNCTIONS: Mapping[str, str] = {
    "ABS": "abs",
    "ELU": "elu",
    "EXP": "exp",
    "HARD_SWISH": "hard_swish",
    "LOG": "log",
    "LOGISTIC": "sigmoid",
    "NEG": "negate",
    "RELU": "relu",
    "RELU6": "relu6",
    "RELU_N1_TO_1": "relu_n1_to_1",
    "RSQRT": "rsqrt",
    "SQRT": "sqrt",
    "SQUARE": "square",
    "TANH": "tanh",
}


def unary(call: Call) -> None:
    _function(call, FUNCTIONS[call.operator.kind], 0.0)


def leaky_relu(call: Call) -> None:
    _function(call, "leaky_relu", _finite(call, "alpha"))


def gelu(call: Call) -> None:
    _function(call, "gelu_tanh" if call.option("approximate") else "gelu", 0.0)


def _function(call: Call, function: str, alpha: float) -> None:
    x = call.activation()
    attrs = {"alpha": alpha} if function == "leaky_relu" else {}
    call.emit("unary", (x,), call.output(like=x), function=function, **attrs)


def softmax(call: Call) -> None:
    x = call.activation()
    call.emit("softmax", (x,), call.output(like=x), beta=_finite(call, "beta"))


def _finite(call: Call, option: str) -> float:
    value = float(call.option(option))
    if not math.isfinite(value):
        raise damaged(f"{call.where} has the {option} {value}")
    return value


def add(call: Call) -> None:
    _binary(call, "add")


def sub(call: Call) -> None:
    _binary(call, "sub")


def mul(call: Call) -> None:
    _binary(call, "mul")


def _binary(call: Call, op: str) -> None:
    """An operand may be a constant, not both; of integers both must be, as in shape arithmetic."""
    if shape_arithmetic.is_integer(call, 0):
        shape_arithmetic.binary(call, op)
        return
    a, b = call.operand(0), call.operand(1)
    if a.is_constant and b.is_constant:
        raise unsupported_attribute(
            f"{call.operator.kind} of two constants", "let the converter fold constants"
        )
    if a.type.dtype is not b.type.dtype:
        title = f"{call.operator.kind} of {a.type.dtype} and {b.type.dtype}"
        raise Unsupported(DTYPE, f"{title} is not supported")
    call.emit(op, (a, b), call.output(like=a), activation=call.fused())
