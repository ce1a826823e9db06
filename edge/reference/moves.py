"""Operators that only move elements, for every element type."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.ir import DType
from edge.ir.types import Array
from edge.quantization.constants import pad_value
from edge.quantization.fixed_point import Int64s
from edge.quantization.resize_tables import (
    FRACTION_BITS,
    Int16s,
    float_positions,
    resize_tables,
)
from edge.reference.call import Call


def reshape(call: Call) -> Array:
    """The leading axis also holds the samples of a batch, where both shapes lead with 1."""
    x, shape = call.input(0), call.ints("shape")
    if x.shape == call.graph.type(call.node.inputs[0]).shape:
        return x.reshape(shape)
    return x.reshape(x.shape[0], *shape[1:])


def transpose(call: Call) -> Array:
    return np.ascontiguousarray(call.input(0).transpose(call.ints("permutation")))


def strided_slice(call: Call) -> Array:
    x, shape = call.input(0), call.graph.type(call.node.inputs[0]).shape
    ranges = zip(call.ints("begin"), call.ints("end"), call.ints("strides"), shape, strict=True)
    cuts = tuple(
        slice(None) if (begin, end, stride) == (0, size, 1) else slice(begin, end, stride)
        for begin, end, stride, size in ranges
    )
    return np.ascontiguousarray(x[cuts])


def pad(call: Call) -> Array:
    x, padding = call.input(0), call.ints("padding")
    is_int8 = call.output.dtype is DType.INT8
    value = pad_value(call.graph, call.node) if is_int8 else call.number("value")
    pairs = [(padding[2 * i], padding[2 * i + 1]) for i in range(x.ndim)]
    return np.pad(x, pairs, constant_values=value)


def concat(call: Call) -> Array:
    """int8 inputs must share the output's quantization, so that bytes can be copied."""
    axis = int(call.number("axis"))
    if call.output.dtype is DType.INT8:
        _require_one_quantization(call)
    arrays = [call.input(i) for i in range(len(call.inputs))]
    samples = max(array.shape[0] for array in arrays)
    if axis != 0:
        arrays = [np.broadcast_to(a, (samples, *a.shape[1:])) for a in arrays]
    return np.concatenate(arrays, axis)


def _require_one_quantization(call: Call) -> None:
    for name in call.node.inputs:
        if call.graph.type(name).quantization != call.output.quantization:
            raise fail(
                "E0214", f"concat: {name} is quantized unlike the output", call.node.where,
                help=["insert a requantize"],
            )  # fmt: skip


def resize(call: Call) -> Array:
    if call.text("mode") == "nearest":
        return _nearest(call)
    return _bilinear_int8(call) if call.output.dtype is DType.INT8 else _bilinear_float(call)


def _nearest(call: Call) -> Array:
    tables = resize_tables(call.graph, call.node)
    rows = call.input(0)[:, tables.row_index]
    return np.asarray(rows[:, :, tables.column_index])


def _bilinear_int8(call: Call) -> Array:
    tables = resize_tables(call.graph, call.node)
    one, x = 1 << FRACTION_BITS, call.input(0).astype(np.int64)
    rows = _mixed_int(x, tables.row_index, tables.row_fraction, axis=1)
    v = _mixed_int(rows, tables.column_index, tables.column_fraction, axis=2)
    rounded = np.sign(v) * ((np.abs(v) + one * one // 2) // (one * one))
    return np.asarray(rounded, np.int8)


def _mixed_int(x: Int64s, index: Int16s, fraction: Int16s | None, axis: int) -> Int64s:
    """Neighbours along `axis` weighted with 1 - fraction and fraction, 10 bits up."""
    if fraction is None:
        raise ValueError("a bilinear resize has fractions")
    shape = [1] * x.ndim
    shape[axis] = -1
    weight = fraction.astype(np.int64).reshape(shape)
    following = np.minimum(index.astype(np.int64) + 1, x.shape[axis] - 1)
    one = 1 << FRACTION_BITS
    mixed = x.take(index, axis) * (one - weight) + x.take(following, axis) * weight
    return np.asarray(mixed, np.int64)


def _bilinear_float(call: Call) -> Array:
    """float32 positions and weights."""
    out_h, out_w = call.ints("size")
    rows = _mixed_float(call, call.input(0), out_h, axis=1)
    return _mixed_float(call, rows, out_w, axis=2)


def _mixed_float(call: Call, x: npt.NDArray[Any], out: int, axis: int) -> npt.NDArray[Any]:
    size = x.shape[axis]
    corners, centers = bool(call.attrs["align_corners"]), bool(call.attrs["half_pixel_centers"])
    position, fraction = float_positions(size, out, corners, centers)
    index = position.astype(np.int64)
    shape = [1] * x.ndim
    shape[axis] = -1
    weight = fraction.reshape(shape)
    following = np.minimum(index + 1, size - 1)
    mixed = x.take(index, axis) * (np.float32(1) - weight) + x.take(following, axis) * weight
    return np.asarray(mixed, np.float32)
