"""Weights of which only some blocks of four exist: how they are stored, and how they are found.

A weight [out, kernel_h, kernel_w, in] or [out, in] is cut into blocks of four neighbouring input
channels of one tap. Live blocks lie one after another in the order of the dense weight;
`columns[i]` says which four channels block i belongs to, `counts[out, tap]` how many live blocks a
tap of an output channel has. What is not stored is 0 and stays 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array

BLOCK = 4
_MOST_COLUMNS = 255

Mask = npt.NDArray[np.bool_]
"""bool[out, taps, in / 4]: which blocks live."""


def can_be_cut(shape: tuple[int, ...]) -> bool:
    """Whether input channels come in fours, few enough that a byte counts them."""
    return shape[-1] % BLOCK == 0 and shape[-1] // BLOCK <= _MOST_COLUMNS


def live_blocks(weight: Array) -> Mask:
    """The blocks with a value that is not 0."""
    return np.asarray(weight.reshape(*_rows(weight.shape), -1, BLOCK).any(-1))


def _rows(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[0], math.prod(shape[1:-1])


@dataclass(frozen=True, eq=False)
class Places:
    """Where the live blocks of a weight of some shape are.

    columns: uint8[blocks]. counts: uint8[out, taps].
    """

    columns: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.uint8]

    @staticmethod
    def stored(columns: Array, counts: Array) -> Places:
        """From the two arrays of a step."""
        return Places(np.asarray(columns, np.uint8), np.asarray(counts, np.uint8))

    @staticmethod
    def of(mask: Mask) -> Places:
        columns = np.nonzero(mask)[2].astype(np.uint8)
        return Places(columns, mask.sum(2).astype(np.uint8))

    def mask(self, shape: tuple[int, ...]) -> Mask:
        out, taps = _rows(shape)
        found = np.zeros((out * taps, shape[-1] // BLOCK), bool)
        found[np.repeat(np.arange(out * taps), self.counts.reshape(-1)), self.columns] = True
        return found.reshape(out, taps, -1)

    def gather(self, dense: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """[blocks, 4]: the live blocks of a dense array."""
        rows = dense.reshape(*_rows(dense.shape), -1, BLOCK)
        return np.ascontiguousarray(rows[self.mask(dense.shape)])

    def spread(self, packed: Array, shape: tuple[int, ...]) -> Array:
        """The dense array, 0 where no block lives."""
        dense = np.zeros((*_rows(shape), shape[-1] // BLOCK, BLOCK), packed.dtype)
        dense[self.mask(shape)] = packed
        return dense.reshape(shape)
