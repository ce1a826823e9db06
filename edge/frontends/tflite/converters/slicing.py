"""SLICE, STRIDED_SLICE, SPLIT and SPLIT_V: all become `slice` with explicit bounds."""

from __future__ import annotations

from edge.frontends.tflite.call import Call
from edge.frontends.tflite.converters import shape_arithmetic
from edge.frontends.tflite.diagnostics import unsupported_attribute
from edge.frontends.tflite.flatbuffer import damaged
from edge.ir import TensorType, Value

Ints = tuple[int, ...]


def slice_(call: Call) -> None:
    """SLICE: begin and size for each axis; the size -1 means to the end."""
    x, begin, size = call.activation(), call.integers(1), call.integers(2)
    shape = x.type.shape
    if not len(begin) == len(size) == len(shape):
        raise damaged(f"{call.where} slices {len(shape)} axes by {len(begin)} and {len(size)}")
    end = tuple(n if s == -1 else b + s for n, b, s in zip(shape, begin, size, strict=True))
    strides = (1,) * len(shape)
    call.emit("slice", (x,), call.moved(x), begin=begin, end=end, strides=strides)


def strided_slice(call: Call) -> None:
    """STRIDED_SLICE by numpy's rules; axes of shrink_axis_mask keep one index and are dropped."""
    if shape_arithmetic.is_integer(call, 0):
        shape_arithmetic.strided_slice(call)
        return
    x = call.activation()
    begin, end, strides = _bounds(call, x.type.shape)
    y = call.moved(x)
    sliced = y
    if call.integer("shrink_axis_mask"):
        shape = tuple(-(-(e - b) // s) for b, e, s in zip(begin, end, strides, strict=True))
        kind = TensorType(shape, y.type.dtype, y.type.quantization)
        sliced = call.draft.new(f"{y.name}_sliced", kind)
    call.emit("slice", (x,), sliced, begin=begin, end=end, strides=strides)
    if sliced is not y:
        call.emit("reshape", (sliced,), y, shape=y.type.shape)


def _bounds(call: Call, shape: Ints) -> tuple[Ints, Ints, Ints]:
    """begin, end and strides of a STRIDED_SLICE for every axis of `shape`."""
    if call.integer("ellipsis_mask") or call.integer("new_axis_mask"):
        raise unsupported_attribute("STRIDED_SLICE with an ellipsis or a new axis")
    begin, end, strides = (call.integers(position) for position in (1, 2, 3))
    if not len(begin) == len(end) == len(strides) <= len(shape):
        raise damaged(f"{call.where} has {len(begin)}, {len(end)} and {len(strides)} bounds")
    if min(strides, default=1) < 1:
        raise unsupported_attribute("STRIDED_SLICE with a stride that is not positive")
    if call.option("end_is_length"):
        end = tuple(b + e for b, e in zip(begin, end, strict=True))
    given = zip(shape, begin, end, strides, strict=False)
    axes = [_axis_bounds(call, axis, *numbers) for axis, numbers in enumerate(given)]
    axes += [(0, n, 1) for n in shape[len(axes) :]]
    begin, end, strides = zip(*axes, strict=True) if axes else ((), (), ())
    return begin, end, strides


def _axis_bounds(
    call: Call, axis: int, n: int, begin: int, end: int, stride: int
) -> tuple[int, int, int]:
    """The bounds of one axis of n elements, negative ones counted from the end, all clamped."""
    if call.integer("shrink_axis_mask") >> axis & 1:
        begin = call.axis(begin, n)
        return begin, begin + 1, 1
    masked = call.integer("begin_mask") >> axis & 1, call.integer("end_mask") >> axis & 1
    begin, end, stride = slice(
        None if masked[0] else begin, None if masked[1] else end, stride
    ).indices(n)
    if begin >= end:
        raise damaged(f"{call.where} takes the empty range {begin}:{end} of axis {axis}")
    return begin, end, stride


def split(call: Call) -> None:
    """SPLIT: the axis comes first, then the tensor, which is cut into equal parts."""
    x = call.activation(1)
    axis = _only(call, 0, len(x.type.shape))
    parts = len(call.operator.outputs)
    if not parts or x.type.shape[axis] % parts:
        raise damaged(f"{call.where} cuts {x.type.shape[axis]} elements into {parts} parts")
    _cut(call, x, axis, [x.type.shape[axis] // parts] * parts)


def split_v(call: Call) -> None:
    """SPLIT_V: parts of given sizes, of which one may be -1, the rest."""
    x = call.activation(0)
    sizes, axis = list(call.integers(1)), _only(call, 2, len(x.type.shape))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = x.type.shape[axis] - sum(sizes) - 1
    if len(sizes) != len(call.operator.outputs) or min(sizes, default=0) < 1:
        raise damaged(f"{call.where} cuts an axis into parts of {sizes}")
    _cut(call, x, axis, sizes)


def _only(call: Call, position: int, rank: int) -> int:
    numbers = call.integers(position)
    if len(numbers) != 1:
        raise damaged(f"{call.where} takes {len(numbers)} axes")
    return call.axis(numbers[0], rank)


def _cut(call: Call, x: Value, axis: int, sizes: list[int]) -> None:
    shape, strides, first = x.type.shape, (1,) * len(x.type.shape), 0
    for position, size in enumerate(sizes):
        begin = tuple(first if i == axis else 0 for i in range(len(shape)))
        end = tuple(first + size if i == axis else n for i, n in enumerate(shape))
        first += size
        y = call.moved(x, position)
        call.emit("slice", (x,), y, begin=begin, end=end, strides=strides)
