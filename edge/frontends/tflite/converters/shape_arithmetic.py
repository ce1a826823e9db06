"""Arithmetic on shapes, which converters leave in files with a free batch: folded at import.

SHAPE -> STRIDED_SLICE -> PACK -> RESHAPE is how Keras writes Flatten. The shapes of all tensors
are fixed here, so these operators are constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.diagnostics import unsupported_attribute
from edge.frontends.tflite.flatbuffer import damaged
from edge.ir.types import Array

_INTEGERS = ("int32", "int64")
_BINARY: Mapping[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
}


def is_integer(call: Call, position: int) -> bool:
    """Whether an input is of 32 or 64-bit integers, which only shape arithmetic uses."""
    return call.tensor(position).dtype in _INTEGERS


def shape(call: Call) -> None:
    dims = call.tensor(0).shape
    if min(dims, default=1) < 1:
        raise damaged(f"{call.where} asks for the shape of a tensor of shape {list(dims)}")
    _fold(call, np.array(dims, np.int64))


def pack(call: Call) -> None:
    parts = [call.integers(position) for position in range(len(call.operator.inputs))]
    if any(len(part) != 1 for part in parts):
        raise unsupported_attribute("PACK of integer vectors")
    _fold(call, np.array(parts, np.int64).ravel())


def binary(call: Call, op: str) -> None:
    a, b = (np.array(call.integers(position), np.int64) for position in (0, 1))
    if a.size != b.size and 1 not in (a.size, b.size):
        raise damaged(f"{call.where} combines {a.size} and {b.size} integers")
    _fold(call, _BINARY[op](a, b))


def concatenation(call: Call) -> None:
    parts = [call.integers(position) for position in range(len(call.operator.inputs))]
    _fold(call, np.array([number for part in parts for number in part], np.int64))


def reshape(call: Call) -> None:
    _fold(call, np.array(call.integers(0), np.int64))


def strided_slice(call: Call) -> None:
    numbers = call.integers(0)
    bounds = [call.integers(position) for position in (1, 2, 3)]
    if any(len(bound) != 1 for bound in bounds) or bounds[2][0] == 0:
        raise unsupported_attribute("STRIDED_SLICE of an integer matrix")
    ((begin,), (end,), (stride,)) = bounds
    if call.integer("shrink_axis_mask") & 1:
        index = call.axis(begin, len(numbers))
        _fold(call, np.array(numbers[index : index + 1], np.int64))
        return
    taken = slice(
        None if call.integer("begin_mask") & 1 else begin,
        None if call.integer("end_mask") & 1 else end,
        stride,
    )
    _fold(call, np.array(numbers[taken], np.int64))


def _fold(call: Call, numbers: Array) -> None:
    is_int32 = call.output_tensor().dtype == "int32"
    call.fold(numbers.astype(np.int32 if is_int32 else np.int64))
