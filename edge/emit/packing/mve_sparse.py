"""Sparse weights in the layouts of runtime/kernels/mve, described in edge/mve_sparse.h.

Layers are packed only if `edge.planning.kernels_mve_sparse` accepts them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edge.emit.packing import mve
from edge.emit.packing.packed import Packed
from edge.quantization.constants import Weighted
from edge.sparsity.block_rows import BlockRows

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
_Column = TypeVar("_Column", np.uint8, np.int64)

_BLOCK, _WORDS, _GATHERED = (2, 16), (2, 4), (4, 4)
_STRIP_VECTOR = 64  # bytes of a vector of 4 pixels
_END, _UNROLLED = 255, 4
_TOGETHER = 4  # blocks that are gathered at once


def pack_conv2d(weights: Int8s, weighted: Weighted) -> Packed:
    """conv2d_sparse_s8, pointwise_conv2d_sparse_s8: int8[out_c, ...], all taps in order."""
    blocks = BlockRows.from_dense(weights.reshape(len(weights), -1), _BLOCK)
    return _packed(weights, weighted, _stream(blocks))


def pack_words(weights: Int8s, weighted: Weighted) -> Packed:
    """conv2d_sparse_words_s8, pointwise_conv2d_sparse_words_s8: int8[out_c, ...], taps in order."""
    blocks = BlockRows.from_dense(weights.reshape(len(weights), -1), _WORDS)
    ends = np.cumsum(blocks.counts)[:-1]
    rows = zip(np.split(blocks.columns, ends), np.split(blocks.data, ends), strict=True)
    groups = (_words(*_filled(columns.astype(np.int64), data)) for columns, data in rows)
    return _packed(weights, weighted, np.concatenate([part for row in groups for part in row]))


def _words(columns: npt.NDArray[np.int64], data: Int8s) -> Iterator[Int8s]:
    """A pair of channels: count, then places in a strip and weights of 4 blocks at a time."""
    places = columns // 4 * _STRIP_VECTOR + columns % 4 * 4
    yield np.array([len(columns) // _TOGETHER], "<u2").view(np.int8)
    for first in range(0, len(columns), _TOGETHER):
        yield places[first : first + _TOGETHER].astype("<u2").view(np.int8)
        yield _by_channel(data[first : first + _TOGETHER])


def _packed(weights: Int8s, weighted: Weighted, stream: Int8s) -> Packed:
    dense = mve.pack_conv2d(weights, weighted)
    records = _records(dense.bias, len(weights), dense.shift.size > 0)
    return replace(dense, weights=stream, bias=records)


def _records(groups: Int32s, channels: int, shifts: bool) -> Int32s:
    """Start values, multipliers and perhaps shifts of each pair of channels, of groups of 4."""
    fields = groups.reshape(-1, 3, 4).transpose(1, 0, 2).reshape(3, -1)[:, :channels]
    pairs = fields[: 3 if shifts else 2].reshape(-1, channels // 2, 2)
    return np.ascontiguousarray(pairs.transpose(1, 0, 2)).reshape(-1)


def _stream(blocks: BlockRows) -> Int8s:
    heads = (blocks.counts % _UNROLLED).astype(np.uint8)
    data = blocks.data.reshape(-1, _BLOCK[0] * _BLOCK[1]).view(np.uint8)
    stored = np.concatenate([blocks.columns.astype(np.uint8)[:, None], data], axis=1)
    rows = np.split(stored, np.cumsum(blocks.counts)[:-1])
    pairs = zip(heads, rows, strict=True)
    parts = [part for head, row in pairs for part in ([head], row.ravel(), [_END])]
    return np.concatenate(parts).astype(np.uint8).view(np.int8)


def pack_linear(weights: Int8s, weighted: Weighted) -> Packed:
    """linear_sparse_s8: int8[out_c, ...], all taps in order."""
    dense = mve.pack_conv2d(weights, weighted)
    blocks = BlockRows.from_dense(weights.reshape(len(weights), -1), _GATHERED)
    ends = np.cumsum(blocks.counts)[:-1]
    columns = np.split(blocks.columns.astype(np.uint8), ends)
    rows = zip(columns, np.split(blocks.data, ends), strict=True)
    stream = np.concatenate([part for row in rows for part in _gathered(*row)])
    return replace(dense, weights=stream.view(np.int8))


def _gathered(columns: Bytes, data: Int8s) -> Iterator[Bytes]:
    """A group of channels: count, then columns and weights of 4 blocks at a time."""
    columns, data = _filled(columns, data)
    yield np.array([len(columns) // _TOGETHER], np.uint8)
    for first in range(0, len(columns), _TOGETHER):
        yield columns[first : first + _TOGETHER]
        yield _by_channel(data[first : first + _TOGETHER]).view(np.uint8)


def _filled(columns: npt.NDArray[_Column], data: Int8s) -> tuple[npt.NDArray[_Column], Int8s]:
    """Blocks of zeros up to whole groups of 4."""
    missing = -len(columns) % _TOGETHER
    return np.pad(columns, (0, missing)), np.pad(data, ((0, missing), (0, 0), (0, 0)))


def _by_channel(data: Int8s) -> Int8s:
    """int8[channels of a block * 16] of the blocks int8[4, channels, 4]."""
    return np.ascontiguousarray(data.transpose(1, 0, 2)).reshape(-1)
