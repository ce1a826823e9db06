"""Changes of shape. Permutations relabel; reshapes move data only where the layout forces it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import NEW, Layout, Operand, Tensor, plain


def permute(builder: Builder, arguments: Arguments) -> Operand:
    x = arguments.tensor("self")
    return _permuted(x, [dim % x.rank for dim in arguments["dims"]])


def transpose(builder: Builder, arguments: Arguments) -> Operand:
    x = arguments.tensor("self")
    first, second = arguments["dim0"] % x.rank, arguments["dim1"] % x.rank
    dims = list(range(x.rank))
    dims[first], dims[second] = second, first
    return _permuted(x, dims)


def matrix_transpose(builder: Builder, arguments: Arguments) -> Operand:
    x = arguments.tensor("self")
    return _permuted(x, list(reversed(range(x.rank))))


def _permuted(x: Tensor, dims: list[int]) -> Tensor:
    layout = tuple(NEW if dim == NEW else dims.index(dim) for dim in x.layout)
    return Tensor(x.name, tuple(x.shape[dim] for dim in dims), layout)


def reshape(builder: Builder, arguments: Arguments) -> Operand:
    """view, reshape, flatten, squeeze, unsqueeze: torch's result shape says it all."""
    x, shape = arguments.tensor("self"), arguments.shape
    layout = reshaped_layout(x, shape)
    if layout is None:
        x, layout = builder.to_layout(x, plain(x.rank)), plain(len(shape))
    target = Tensor(x.name, shape, layout)
    return Tensor(builder.reshape(x.name, target.stored_shape, builder.current), shape, layout)


def reshaped_layout(x: Tensor, shape: tuple[int, ...]) -> Layout | None:
    """The layout in which the reshaped tensor is stored as it is, or None if data must move.

    Torch dimensions that merge must be neighbours, in order, in the stored layout.
    """
    groups = {source[0]: (source, target) for source, target in matching(x.shape, shape)}
    stored = [dim for dim in x.layout if dim != NEW and x.shape[dim] > 1]
    layout: list[int] = []
    while stored:
        source, target = groups.get(stored[0], ((), ()))
        if not source or tuple(stored[: len(source)]) != source:
            return None
        layout += target
        stored = stored[len(source) :]
    units = [dim for dim in range(len(shape)) if dim not in layout]
    return (*units, *layout)


def matching(
    source: Sequence[int], target: Sequence[int]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The smallest groups of dimensions with equal products, dimensions of size 1 left out."""
    ours = [dim for dim, size in enumerate(source) if size > 1]
    theirs = [dim for dim, size in enumerate(target) if size > 1]
    groups = []
    while ours:
        m = n = 1
        while (a := math.prod(source[d] for d in ours[:m])) != (
            b := math.prod(target[d] for d in theirs[:n])
        ):
            m, n = (m + 1, n) if a < b else (m, n + 1)
        groups.append((tuple(ours[:m]), tuple(theirs[:n])))
        ours, theirs = ours[m:], theirs[n:]
    return groups


def expand(builder: Builder, arguments: Arguments) -> Operand:
    x = arguments.tensor("self")
    if x.shape != arguments.shape:
        raise unsupported(f"from {x.shape} to {arguments.shape}: arithmetic broadcasts by itself")
    return x


def pad(builder: Builder, arguments: Arguments) -> Operand:
    """Torch lists (before, after) from the last dimension on."""
    arguments.require("mode", "constant")
    x, amounts = arguments.tensor("self"), arguments["pad"]
    if min(amounts, default=0) < 0:
        raise unsupported(f"negative padding {list(amounts)}", "slice the tensor instead")
    if not any(amounts):
        return x
    padding = [0] * (2 * len(x.layout))
    for i in range(len(amounts) // 2):
        axis = x.axis(-1 - i)
        padding[2 * axis : 2 * axis + 2] = amounts[2 * i : 2 * i + 2]
    value = float(arguments["value"] or 0.0)
    name = builder.emit("pad", [x.name], {"padding": tuple(padding), "value": value})
    return builder.result(name, x, arguments.shape)


_RESHAPES = (
    "view.default", "reshape.default", "_unsafe_view.default", "flatten.using_ints",
    "unflatten.int", "squeeze.default", "squeeze.dim", "squeeze.dims", "unsqueeze.default",
)  # fmt: skip

CONVERTERS = {
    **{f"aten.{name}": reshape for name in _RESHAPES},
    "aten.permute.default": permute,
    "aten.transpose.int": transpose,
    "aten.t.default": matrix_transpose,
    "aten.numpy_T.default": matrix_transpose,
    "aten.expand.default": expand,
    "aten.pad.default": pad,
    "aten.constant_pad_nd.default": pad,
}
