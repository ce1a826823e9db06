"""Sparse tensors of a .tflite file, made dense as they are read.

`SparsityParameters` of the schema: the axes of the tensor, and of blocks that some of them are cut
into, are stored in `traversal_order`, each either dense or compressed as in CSR: `segments` delimit
the `indices` of each element of the axes before (the tree of Chou et al. 2018, TACO,
arXiv:1804.10112). `block_map` names the axis that each block axis is a part of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.frontends.tflite.flatbuffer import INT8, INT32, UINT8, Source, Table, damaged
from edge.ir.types import Array

Int64s = npt.NDArray[np.int64]

_INDEX_TYPES = {1: "<i4", 2: "<u2", 3: "<u1"}  # Int32Vector, Uint16Vector, Uint8Vector
_EXPANSION = 16  # times as cheap as bytes that the file holds: weights may be 99 % zeros
_COORDINATE_COST = 32  # bytes for each stored element while it is placed


@dataclass(frozen=True, eq=False)
class _Axis:
    """A level of the tree: its extent and, if it is compressed, what exists of it."""

    size: int
    segments: Int64s | None = None
    indices: Int64s | None = None


def dense_bytes(
    source: Source, what: str, table: Table, shape: Sequence[int], stored: Array
) -> npt.NDArray[np.uint8]:
    """The elements of a tensor of `shape` with zeros where the file has none.

    `stored` are the elements the file has, 1-D in the tensor's element type; `what` names the
    tensor in errors. Raises EdgeError E0021 for parameters that contradict the tensor.
    """
    elements = math.prod(shape)
    if not shape or min(shape) < 1:
        raise damaged(f"{what} is sparse and has the shape {list(shape)}")
    source.spend(elements * stored.itemsize // _EXPANSION + _COORDINATE_COST * stored.size)
    order, blocks = table.integers(0), table.integers(1)
    _check_order(what, order, blocks, len(shape))
    axes = _axes(what, table, order, blocks, shape)
    strides = _strides(axes, order, blocks, shape)
    places = _places(what, axes, strides, stored.size)
    if places.size != stored.size:
        raise damaged(f"{what} places {places.size} elements and holds {stored.size}")
    dense, filled = np.zeros(elements, stored.dtype), np.zeros(elements, np.bool_)
    dense[places], filled[places] = stored, True
    if np.count_nonzero(filled) < places.size:
        raise damaged(f"{what} holds an element twice")
    return dense.view(np.uint8)


def _check_order(what: str, order: Sequence[int], blocks: Sequence[int], rank: int) -> None:
    if sorted(order) != list(range(rank + len(blocks))):
        raise damaged(f"{what} traverses the axes {list(order)[:16]}, blocks {list(blocks)[:16]}")
    if len(set(blocks)) < len(blocks) or not all(0 <= axis < rank for axis in blocks):
        raise damaged(f"{what} has blocks along the axes {list(blocks)[:16]}")


def _axes(
    what: str, table: Table, order: Sequence[int], blocks: Sequence[int], shape: Sequence[int]
) -> list[_Axis]:
    """The levels in the order they are stored in."""
    levels = table.tables(2)
    if len(levels) != len(order):
        raise damaged(f"{what} describes {len(levels)} of {len(order)} axes")
    extents = _extents(what, levels, order, blocks, shape)
    return [_axis(what, level, extents[axis]) for level, axis in zip(levels, order, strict=True)]


def _extents(
    what: str,
    levels: Sequence[Table],
    order: Sequence[int],
    blocks: Sequence[int],
    shape: Sequence[int],
) -> list[int]:
    """The extent of each axis and then of each block axis; blocks are dense and divide theirs."""
    extents = list(shape)
    for number, axis in enumerate(blocks):
        level = levels[order.index(len(shape) + number)]
        size = level.integer(1, INT32)
        if level.integer(0, INT8) or size < 1 or shape[axis] % size:
            raise damaged(f"{what} has blocks of {size} along axis {axis} of {list(shape)}")
        extents[axis] = shape[axis] // size
        extents.append(size)
    return extents


def _axis(what: str, level: Table, size: int) -> _Axis:
    form = level.integer(0, INT8)
    if form not in (0, 1):
        raise damaged(f"{what} has an axis of the unknown format {form}")
    if form == 1:
        return _Axis(size, _numbers(what, level, 2), _numbers(what, level, 4))
    if level.integer(1, INT32) != size:
        raise damaged(f"{what} has an axis of {level.integer(1, INT32)} in place of {size}")
    return _Axis(size)


def _numbers(what: str, level: Table, field: int) -> Int64s:
    """A union of vectors of integers: its type in `field`, its value in the next."""
    vector, kind = level.table(field + 1), level.integer(field, UINT8)
    if vector is None or kind not in _INDEX_TYPES:
        raise damaged(f"{what} has a compressed axis without indices")
    numbers = vector.array(0, _INDEX_TYPES[kind])
    found = np.zeros(0, np.int64) if numbers is None else numbers.astype(np.int64)
    level.source.spend(found.nbytes)
    return found


def _places(what: str, axes: Sequence[_Axis], strides: Sequence[int], elements: int) -> Int64s:
    """The place in the dense tensor, row by row, of each of the stored elements.

    Dense axes only multiply, so no level has more than the last or than segments delimit.
    """
    most = max(elements, *(a.segments.size for a in axes if a.segments is not None), 1)
    places = np.zeros(1, np.int64)
    for axis, stride in zip(axes, strides, strict=True):
        if axis.segments is None or axis.indices is None:
            if places.size * axis.size > most:
                raise damaged(f"{what} describes more elements than it holds")
            steps = np.arange(axis.size, dtype=np.int64) * stride
            places = (places[:, None] + steps).ravel()
        else:
            _check_compressed(what, axis, axis.segments, axis.indices, places.size)
            places = np.repeat(places, np.diff(axis.segments)) + axis.indices * stride
    return places


def _strides(
    axes: Sequence[_Axis], order: Sequence[int], blocks: Sequence[int], shape: Sequence[int]
) -> list[int]:
    """How far apart neighbours along each level are in the dense tensor."""
    rank = len(shape)
    plain = [math.prod(shape[axis + 1 :]) for axis in range(rank)]
    sizes = {axis: axes[order.index(rank + number)].size for number, axis in enumerate(blocks)}
    return [
        plain[axis] * sizes.get(axis, 1) if axis < rank else plain[blocks[axis - rank]]
        for axis in order
    ]


def _check_compressed(
    what: str, axis: _Axis, segments: Int64s, indices: Int64s, parents: int
) -> None:
    rising = segments.size == parents + 1 and bool((np.diff(segments) >= 0).all())
    if not rising or segments[0] != 0 or segments[-1] != indices.size:
        raise damaged(f"{what} has segments that do not delimit its {indices.size} indices")
    if indices.size and not (indices.min() >= 0 and indices.max() < axis.size):
        raise damaged(f"{what} has an index beyond an axis of {axis.size}")
