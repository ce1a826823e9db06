"""Parts of tensors: slice, select, split, chunk, unbind."""

from __future__ import annotations

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import Operand, Tensor, without


def _part(
    builder: Builder, x: Tensor, dim: int, begin: int, end: int, step: int = 1, name: str = ""
) -> Tensor:
    """begin:end:step of one dimension; the tensor itself if that is all of it."""
    dim, size = dim % x.rank, x.shape[dim]
    if (begin, end, step) == (0, size, 1):
        return x
    axis, stored = x.axis(dim), x.stored_shape
    attrs = {
        "begin": _with(tuple(0 for _ in stored), axis, begin),
        "end": _with(stored, axis, end),
        "strides": _with(tuple(1 for _ in stored), axis, step),
    }
    shape = _with(x.shape, dim, -(-(end - begin) // step))
    return builder.result(builder.emit("slice", [x.name], attrs, name=name), x, shape)


def _with(numbers: tuple[int, ...], index: int, number: int) -> tuple[int, ...]:
    return (*numbers[:index], number, *numbers[index + 1 :])


def slice_(builder: Builder, arguments: Arguments) -> Operand:
    x, dim = arguments.tensor("self"), arguments["dim"]
    begin, end, _ = slice(arguments["start"], arguments["end"]).indices(x.shape[dim])
    if end <= begin:
        raise unsupported(f"empty slice {begin}:{end} of dimension {dim} of {x.shape}")
    return _part(builder, x, dim, begin, end, arguments["step"])


def narrow(builder: Builder, arguments: Arguments) -> Operand:
    begin = arguments["start"]
    x, dim = arguments.tensor("self"), arguments["dim"]
    return _part(builder, x, dim, begin, begin + arguments["length"])


def select(builder: Builder, arguments: Arguments) -> Operand:
    x, dim = arguments.tensor("self"), arguments["dim"]
    return _selected(builder, x, dim, arguments["index"], builder.current)


def _selected(builder: Builder, x: Tensor, dim: int, index: int, name: str) -> Tensor:
    dim = dim % x.rank
    index = index % x.shape[dim]
    part = _part(builder, x, dim, index, index + 1, name=name)
    shape = (*part.shape[:dim], *part.shape[dim + 1 :])
    target = Tensor(part.name, shape, without(part.layout, [dim]))
    return Tensor(builder.reshape(part.name, target.stored_shape), shape, target.layout)


def _split(builder: Builder, x: Tensor, dim: int, sizes: list[int]) -> Operand:
    parts, begin = [], 0
    for index, size in enumerate(sizes):
        name = f"{builder.current}_{index}"
        parts.append(_part(builder, x, dim, begin, begin + size, name=name))
        begin += size
    return tuple(parts)


def _equal_sizes(total: int, size: int) -> list[int]:
    return [min(size, total - begin) for begin in range(0, total, size)]


def split(builder: Builder, arguments: Arguments) -> Operand:
    x, dim = arguments.tensor("self"), arguments["dim"]
    return _split(builder, x, dim, _equal_sizes(x.shape[dim], arguments["split_size"]))


def split_with_sizes(builder: Builder, arguments: Arguments) -> Operand:
    x = arguments.tensor("self")
    return _split(builder, x, arguments["dim"], list(arguments["split_sizes"]))


def chunk(builder: Builder, arguments: Arguments) -> Operand:
    x, dim = arguments.tensor("self"), arguments["dim"]
    size = -(-x.shape[dim] // arguments["chunks"])
    return _split(builder, x, dim, _equal_sizes(x.shape[dim], size))


def unbind(builder: Builder, arguments: Arguments) -> Operand:
    x, dim = arguments.tensor("self"), arguments["dim"]
    names = [f"{builder.current}_{index}" for index in range(x.shape[dim])]
    return tuple(_selected(builder, x, dim, index, name) for index, name in enumerate(names))


CONVERTERS = {
    "aten.slice.Tensor": slice_,
    "aten.narrow.default": narrow,
    "aten.select.int": select,
    "aten.split.Tensor": split,
    "aten.split_with_sizes.default": split_with_sizes,
    "aten.chunk.default": chunk,
    "aten.unbind.int": unbind,
}
