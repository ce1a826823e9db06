"""Operators that move values without computing: reshape, transpose, pad, concatenate."""

from __future__ import annotations

import math

from edge.frontends.tflite.call import Call, same_quantization
from edge.frontends.tflite.converters import shape_arithmetic
from edge.frontends.tflite.diagnostics import unsupported_attribute
from edge.frontends.tflite.flatbuffer import damaged
from edge.ir import DType, Value


def reshape(call: Call) -> None:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the output's declared shape says all there is to say."""
    if shape_arithmetic.is_integer(call, 0):
        shape_arithmetic.reshape(call)
        return
    x = call.activation()
    y = call.moved(x)
    if call.operator.kind == "RESHAPE" and call.has(1):
        _check_target(call, x.type.elements, y.type.shape)
    call.emit("reshape", (x,), y, shape=y.type.shape)


def _check_target(call: Call, elements: int, declared: tuple[int, ...]) -> None:
    """The shape operand, in which one -1 stands for the rest, must agree with the declared one."""
    target = list(call.integers(1))
    if target.count(-1) == 1:
        known = -math.prod(target)
        target[target.index(-1)] = elements // known if known > 0 else 0
    if tuple(target) != declared:
        raise damaged(f"{call.where} reshapes to {target}, declared {list(declared)}")


def transpose(call: Call) -> None:
    x, permutation = call.activation(), call.integers(1)
    rank = len(x.type.shape)
    axes = tuple(call.axis(axis, rank) for axis in permutation)
    call.emit("transpose", (x,), call.moved(x), permutation=axes)


def pad(call: Call) -> None:
    """PAD and PADV2; `padding` is (before, after) for each axis, `value` a real number."""
    x, padding = call.activation(), call.integers(1)
    y = call.moved(x)
    value = _pad_value(call, y) if call.has(2) else 0.0
    call.emit("pad", (x,), y, padding=padding, value=value)


def _pad_value(call: Call, y: Value) -> float:
    value = call.operand(2)
    if value.data is None or value.type.dtype is not y.type.dtype:
        raise unsupported_attribute("PADV2 with a value computed at run time")
    if value.data.size != 1:
        raise damaged(f"{call.where} pads with {value.data.size} values")
    number = float(value.data.ravel()[0])
    if y.type.dtype is DType.FLOAT32:
        return number
    quantization = y.type.quantization
    if quantization is None or not same_quantization(value.type.quantization, quantization):
        raise unsupported_attribute("PADV2 with a value of another scale than its output")
    return (number - quantization.zero_point[0]) * quantization.scale[0]


def concatenation(call: Call) -> None:
    """int8 inputs must share the output's scale, as the int8 kernels of TensorFlow Lite demand."""
    if shape_arithmetic.is_integer(call, 0):
        shape_arithmetic.concatenation(call)
        return
    inputs = tuple(call.operand(position) for position in range(len(call.operator.inputs)))
    if all(value.is_constant for value in inputs):
        raise unsupported_attribute("CONCATENATION of constants")
    if call.fused() != "none":
        raise unsupported_attribute("CONCATENATION with a fused activation")
    y = call.output()
    for value in inputs:
        y = call.moved(value)
    axis = call.axis(call.integer("axis"), len(y.type.shape))
    call.emit("concat", inputs, y, axis=axis)


def pack(call: Call) -> None:
    """PACK: inputs get a new axis of size 1 and are concatenated along it."""
    if shape_arithmetic.is_integer(call, 0):
        shape_arithmetic.pack(call)
        return
    inputs = [call.activation(position) for position in range(len(call.operator.inputs))]
    axis = call.axis(call.integer("axis"), len(inputs[0].type.shape) + 1)
    y = call.moved(inputs[0])
    parts = []
    for x in inputs:
        call.moved(x)
        parts.append(call.reshaped(x, (*x.type.shape[:axis], 1, *x.type.shape[axis:])))
    call.emit("concat", tuple(parts), y, axis=axis)
