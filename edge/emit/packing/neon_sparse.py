"""Sparse weights in the layout of runtime/kernels/neondot/sparse.h."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge.emit.packing import neon
from edge.emit.packing.packed import Packed
from edge.quantization.constants import Weighted
from edge.sparsity.block_rows import BlockRows

_BLOCK = (4, 4)


def pack_dot(weights: npt.NDArray[np.int8], weighted: Weighted) -> Packed:
    """neondot/conv2d_sparse_s8 and linear_sparse_s8: int8[out_c, ...], all taps in order."""
    dense = neon.pack_dot(weights, weighted)
    blocks = BlockRows.from_dense(weights.reshape(len(weights), -1), _BLOCK)
    ends = np.cumsum(blocks.counts)[:-1]
    places = np.split(64 * blocks.columns.astype(np.int64), ends)
    groups = zip(blocks.counts, places, strict=True)
    heads = [np.append(count, place).astype("<u2").view(np.int8) for count, place in groups]
    data = np.split(blocks.data.reshape(-1, _BLOCK[0] * _BLOCK[1]), ends)
    parts = [part.ravel() for group in zip(heads, data, strict=True) for part in group]
    return replace(dense, weights=np.concatenate(parts))
