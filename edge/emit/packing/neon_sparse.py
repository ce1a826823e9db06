"""Sparse weights in the layouts of runtime/kernels/neon: sparse.h, depthwise_conv2d_sparse_s8.c."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge.emit.packing import neon
from edge.emit.packing.packed import Packed
from edge.quantization.constants import Weighted
from edge.sparsity.block_rows import BlockRows

Int8s = npt.NDArray[np.int8]

_CHANNELS, _STRIP = 4, 16  # of a block; pixels
_VECTOR = 16  # channels of a depthwise group


def pack_dot(weights: Int8s, weighted: Weighted) -> Packed:
    """neondot/conv2d_sparse_s8 and linear_sparse_s8: int8[out_c, ...], all taps in order."""
    return replace(neon.pack_dot(weights, weighted), weights=_stream(weights, 4))


def pack_matrix(weights: Int8s, weighted: Weighted) -> Packed:
    """neoni8mm/conv2d_sparse_s8 and linear_sparse_s8: int8[out_c, ...], all taps in order."""
    return replace(neon.pack_matrix(weights, weighted), weights=_stream(weights, 8))


def pack_taps(weights: Int8s, weighted: Weighted) -> Packed:
    """neon/depthwise_conv2d_sparse_s8: weights int8[1, kernel_h, kernel_w, channels]."""
    channels = weights.shape[-1]
    groups = weights.reshape(-1, channels // _VECTOR, _VECTOR).transpose(1, 0, 2)
    stream = np.concatenate([part for group in groups for part in _pairs_of_taps(group)])
    return replace(neon.pack_depthwise(weights, weighted), weights=stream)


def _pairs_of_taps(group: Int8s) -> tuple[Int8s, ...]:
    """Of int8[taps, 16]: the number of pairs left, their places, their weights.

    An odd tap is paired with one of zeros.
    """
    places = np.flatnonzero(group.any(axis=1))
    missing = len(places) % 2
    filled = np.pad(group[places], ((0, missing), (0, 0)))
    count = np.array([len(filled) // 2], np.int8)
    return count, np.pad(places, (0, missing)).astype(np.int8), filled.ravel()


def _stream(weights: Int8s, step: int) -> Int8s:
    """Of each group of channels the number of blocks, their places in a strip, the blocks."""
    blocks = BlockRows.from_dense(weights.reshape(len(weights), -1), (_CHANNELS, step))
    ends = np.cumsum(blocks.counts)[:-1]
    places = np.split(_STRIP * step * blocks.columns.astype(np.int64), ends)
    groups = zip(blocks.counts, places, strict=True)
    heads = [np.append(count, place).astype("<u2").view(np.int8) for count, place in groups]
    data = np.split(blocks.data.reshape(-1, _CHANNELS * step), ends)
    return np.concatenate([p.ravel() for group in zip(heads, data, strict=True) for p in group])
