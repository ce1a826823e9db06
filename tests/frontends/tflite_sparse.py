"""Sparse tensors for .tflite files, written level by level as the schema describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tests.frontends.tflite_builder import schema

_VECTORS = {"Int32Vector": "<i4", "Uint16Vector": "<u2", "Uint8Vector": "<u1"}


def store_sparse(
    model: Any,
    tensor: Any,
    dense: np.ndarray[Any, Any],
    *,
    order: Sequence[int] | None = None,
    blocks: Mapping[int, int] | None = None,
    compressed: Sequence[int] = (),
    vector: str = "Int32Vector",
) -> None:
    """Replace the data of a ModelT's tensor by what is not zero of `dense`, and say how.

    `blocks` are sizes by axis; axes are numbered as in the schema, block axes behind the others.
    `compressed` are the axes, by that number, that are stored as CSR; `vector` the index type
    where it is wide enough.
    """
    sides = dict(blocks or {})
    walk = list(order) if order is not None else list(range(dense.ndim + len(sides)))
    blocked = _blocked(dense, sides).transpose(walk)
    levels, kept = [], np.ones((1, blocked.size), np.bool_)
    rest = blocked.reshape(1, -1) != 0
    for axis, size in zip(walk, blocked.shape, strict=True):
        level, rest, kept = _level(rest, kept, size, axis in compressed, vector)
        levels.append(level)
    model.buffers[tensor.buffer].data = np.frombuffer(
        blocked.reshape(-1)[kept.ravel()].tobytes(), np.uint8
    )
    parameters = schema.SparsityParametersT()
    parameters.traversalOrder, parameters.dimMetadata = walk, levels
    parameters.blockMap = list(sides) or None
    tensor.sparsity = parameters


def _blocked(dense: np.ndarray[Any, Any], sides: Mapping[int, int]) -> np.ndarray[Any, Any]:
    """The axes cut into blocks, the block axes moved behind the others."""
    split = [
        part
        for axis, size in enumerate(dense.shape)
        for part in ((size // sides[axis], sides[axis]) if axis in sides else (size,))
    ]
    starts = [axis + sum(other < axis for other in sides) for axis in range(dense.ndim)]
    return dense.reshape(split).transpose(starts + [starts[axis] + 1 for axis in sides])


def _level(
    rest: np.ndarray[Any, Any], kept: np.ndarray[Any, Any], size: int, compressed: bool, vector: str
) -> tuple[Any, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """One level for nonzero flags [parents, what is below]; `kept` marks stored elements."""
    below = rest.reshape(len(rest) * size, -1)
    level = schema.DimensionMetadataT()
    if not compressed:
        level.format, level.denseSize = schema.DimensionType.DENSE, size
        return level, below, kept
    exists = below.any(axis=1)
    places = np.zeros(kept.size, np.bool_)
    places[np.flatnonzero(kept)] = np.repeat(exists, below.shape[1])
    level.format = schema.DimensionType.SPARSE_CSR
    counts = exists.reshape(-1, size).sum(axis=1)
    level.arraySegmentsType, level.arraySegments = _numbers(np.append(0, np.cumsum(counts)), vector)
    level.arrayIndicesType, level.arrayIndices = _numbers(np.flatnonzero(exists) % size, vector)
    return level, below[exists], places


def _numbers(values: np.ndarray[Any, Any], vector: str) -> tuple[int, Any]:
    if values.max(initial=0) > np.iinfo(_VECTORS[vector]).max:
        vector = "Int32Vector"
    made = getattr(schema, f"{vector}T")()
    made.values = values.astype(_VECTORS[vector])
    return getattr(schema.SparseIndexVector, vector), made
