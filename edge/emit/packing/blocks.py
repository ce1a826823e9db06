"""Sparse weights in the portable form, edge/blocks.h."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.emit.packing.packed import Packed, plain
from edge.quantization.constants import Weighted
from edge.sparsity.block_rows import BlockRows

Bytes = npt.NDArray[np.uint8]

PORTABLE_BLOCK = (1, 4)


def pack_blocks(
    weights: npt.NDArray[np.int8], weighted: Weighted, block: tuple[int, int] = PORTABLE_BLOCK
) -> Packed:
    """conv2d_sparse_s8, linear_sparse_s8: weights int8[out_c, ...], all taps in order."""
    rest = plain(weights, weighted)
    blocks = BlockRows.from_dense(weights.reshape(len(weights), -1), block)
    stream = _stream(blocks).view(np.int8)
    return Packed(stream, rest.bias, rest.multiplier, rest.shift, rest.per_channel)


def _stream(blocks: BlockRows) -> Bytes:
    head = np.array(blocks.block, np.uint8)
    data = blocks.data.reshape(blocks.blocks, blocks.block[0] * blocks.block[1]).view(np.uint8)
    stored = np.concatenate([_halfwords(blocks.columns), data], axis=1)
    rows = np.split(stored, np.cumsum(blocks.counts)[:-1])
    parts = zip(_halfwords(blocks.counts), rows, strict=True)
    return np.concatenate([head, *(piece.ravel() for part in parts for piece in part)])


def _halfwords(numbers: npt.NDArray[np.generic]) -> Bytes:
    """uint8[n, 2], little endian."""
    return numbers.astype("<u2")[:, None].view(np.uint8)
