"""Sparse weights in the layout of runtime/kernels/simd128/sparse.h.

Layers are packed only if `edge.planning.kernels_simd128_sparse` accepts them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge.emit.packing import simd128
from edge.emit.packing.packed import Packed
from edge.quantization.constants import Weighted
from edge.sparsity.block_rows import BlockRows

Int8s = npt.NDArray[np.int8]

_WIDEST_GAP = 255  # blocks, which a byte holds


def pack_quads(weights: Int8s, weighted: Weighted) -> Packed:
    """conv2d_quads_s8, pointwise_conv2d_quads_s8: weights int8[out_c, ...], all taps in order."""
    return _pack(weights, weighted, (4, 2))


def pack_duos(weights: Int8s, weighted: Weighted) -> Packed:
    """conv2d_duos_s8, pointwise_conv2d_duos_s8: weights int8[out_c, ...], all taps in order."""
    return _pack(weights, weighted, (2, 2))


def _pack(weights: Int8s, weighted: Weighted, block: tuple[int, int]) -> Packed:
    blocks = BlockRows.from_dense(weights.reshape(len(weights), -1), block).bridged(_WIDEST_GAP)
    return replace(simd128.pack_conv2d(weights, weighted), weights=_stream(blocks))


def _stream(blocks: BlockRows) -> Int8s:
    """Of each row the number of blocks, the blocks skipped before each, and the blocks."""
    counts = blocks.counts.astype("<u2")[:, None].view(np.int8)
    ends = np.cumsum(blocks.counts)[:-1]
    skipped = np.split(blocks.skipped.astype(np.uint8).view(np.int8), ends)
    rows = zip(counts, skipped, np.split(blocks.data, ends), strict=True)
    return np.concatenate([part.reshape(-1) for row in rows for part in row])
