"""Binary arithmetic with torch's broadcasting, and concatenation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import NEW, Constant, Layout, Operand, Tensor, plain
from edge.ir.types import Array

Number = int | float


def binary(builder: Builder, arguments: Arguments, op: str) -> Operand:
    arguments.require("alpha", 1)
    return _emit(builder, op, arguments["self"], arguments["other"], arguments.shape)


def reversed_sub(builder: Builder, arguments: Arguments) -> Operand:
    arguments.require("alpha", 1)
    return _emit(builder, "sub", arguments["other"], arguments["self"], arguments.shape)


def divide(builder: Builder, arguments: Arguments) -> Operand:
    """Division by a constant is multiplication by its inverse."""
    divisor = arguments["other"]
    if isinstance(divisor, Tensor):
        raise unsupported("division by a computed tensor")
    if isinstance(divisor, Constant):
        inverse: Constant | float = Constant(
            f"{divisor.name}_inverse", np.reciprocal(divisor.real.astype(np.float32))
        )
    else:
        inverse = 1 / divisor
    return _emit(builder, "mul", arguments["self"], inverse, arguments.shape)


def _emit(
    builder: Builder,
    op: str,
    a: Tensor | Constant | Number,
    b: Tensor | Constant | Number,
    shape: tuple[int, ...],
) -> Operand:
    # The full-size operand decides the layout, so that the smaller one moves.
    tensors = [side for side in (a, b) if isinstance(side, Tensor)]
    leader = next((t for t in tensors if t.shape == shape), tensors[0])
    layout = _expand(builder, leader, len(shape)).layout
    inputs = [_operand(builder, side, layout, len(shape)) for side in (a, b)]
    return Tensor(builder.emit(op, inputs), shape, layout)


def _operand(builder: Builder, side: Tensor | Constant | Number, layout: Layout, rank: int) -> str:
    if isinstance(side, Tensor):
        return builder.to_layout(_expand(builder, side, rank), layout).name
    if isinstance(side, Constant):
        array = side.real.astype(np.float32)
        return builder.store(
            side.name, _stored(array, layout, rank) if array.size > 1 else array.reshape(1)
        )
    return builder.store(f"{builder.current}.constant", np.array([side], np.float32))


def _stored(array: Array, layout: Layout, rank: int) -> Array:
    """A constant that broadcasts against a tensor of that rank and layout."""
    array = array.reshape((1,) * (rank - array.ndim) + array.shape)
    ordered = array.transpose([dim for dim in layout if dim != NEW])
    new_axes = tuple(axis for axis, dim in enumerate(layout) if dim == NEW)
    return np.expand_dims(ordered, new_axes)


def _expand(builder: Builder, tensor: Tensor, rank: int) -> Tensor:
    """The tensor with torch dimensions of size 1 in front, so that it has that rank."""
    missing = rank - tensor.rank
    if not missing:
        return tensor
    tensor = builder.to_layout(tensor, plain(tensor.rank))
    shape = (1,) * missing + tensor.shape
    return Tensor(builder.reshape(tensor.name, shape), shape, plain(rank))


def concat(builder: Builder, arguments: Arguments) -> Operand:
    members = arguments["tensors"]
    first = next(m for m in members if isinstance(m, Tensor))
    inputs = [_operand(builder, m, first.layout, first.rank) for m in members]
    axis = first.axis(arguments["dim"])
    return Tensor(builder.emit("concat", inputs, {"axis": axis}), arguments.shape, first.layout)


_add, _sub, _mul = (partial(binary, op=op) for op in ("add", "sub", "mul"))

CONVERTERS: Mapping[str, Callable[[Builder, Arguments], Operand]] = {
    "aten.add.Tensor": _add,
    "aten.add.Scalar": _add,
    "aten.sub.Tensor": _sub,
    "aten.sub.Scalar": _sub,
    "aten.rsub.Tensor": reversed_sub,
    "aten.rsub.Scalar": reversed_sub,
    "aten.mul.Tensor": _mul,
    "aten.mul.Scalar": _mul,
    "aten.div.Tensor": divide,
    "aten.div.Scalar": divide,
    "aten.cat.default": concat,
}
