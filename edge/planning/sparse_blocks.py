"""How zeros of a weight matrix are left out: blocks of output channels, chosen by their cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

STRIP = {1: 32, 2: 16, 4: 8}  # pixels, by output channels of a block
STRIP_BYTES = 24576  # of f32x4_sparse.h, as STRIP
QUAD = 4  # rows of weights are filled up to a multiple
BLOCK_COST = {1: 28 / 32, 2: 25 / 16, 4: 24 / 8}
"""Vector operations of f32x4_sparse.h for a block of so many output channels and a
pixel."""


def part(size: int) -> int:
    """The input channels that a strip holds at most."""
    return STRIP_BYTES // (4 * STRIP[size])


def blocks_of(rows: Floats, size: int) -> npt.NDArray[np.bool_]:
    """bool[rows / size, columns]: the blocks of `size` rows of float32[rows, columns] that hold
    something; rows are filled up to a multiple of 4."""
    padded = np.pad(rows != 0, ((0, -len(rows) % QUAD), (0, 0)))
    return np.asarray(padded.reshape(len(padded) // size, size, -1).any(axis=1))


def best_size(rows: Floats) -> int:
    """The size of blocks that costs least; the smaller one wins a tie."""
    return min(BLOCK_COST, key=lambda size: operations(rows, size))


def operations(rows: Floats, size: int) -> float:
    """Vector operations for one pixel: the blocks, and calls, of which wide blocks need more."""
    blocks = np.count_nonzero(blocks_of(rows, size))
    return float(blocks * BLOCK_COST[size] + len(rows) * size / 4)
