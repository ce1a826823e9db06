"""The logical form of weights as pairs of inputs, of one output channel or of several that share
their zeros.

N:M masks that are shared are the vector-wise ones of VENOM (Castro et al. 2023, arXiv:2310.02065).
Any other mask has the form too, only with more pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]
Indices = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

CHANNELS = 4
"""Output channels that share their inputs, if not each has its own."""


@dataclass(frozen=True)
class Window:
    """`inputs` neighbouring inputs and the pairs of them that exist, in the order of
    widen_pairs.S: all, or if `crossed` only those of one input of the first half and one of the
    second."""

    inputs: int
    crossed: bool = False

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Of two inputs that exist in both orders, the one that is kept."""
        units = [(i + odd, i + odd + 2) for i in range(0, self.inputs, 4) for odd in (0, 1)]
        kept = [
            pair
            for u, v in combinations(units, 2)
            if not (self.crossed and u[0] // 4 == v[0] // 4)
            for pair in ((u[0], v[0]), (u[0], v[1]), (v[0], u[1]), (u[1], v[1]))
        ]
        return tuple(kept if self.crossed else [*units, *kept])

    @property
    def codes(self) -> Indices:
        """[inputs, inputs], the index of each pair, -1 for what is none."""
        codes = np.full((self.inputs, self.inputs), -1, np.intp)
        for code, pair in enumerate(self.pairs):
            codes[pair] = code
        return codes

    def count(self, inputs: int) -> int:
        """Windows of so many inputs; the last one may be half empty."""
        return -(-inputs // self.inputs)

    def paired(self, live: Bools) -> tuple[Indices, Bools]:
        """Pairs [..., n, 2] of inputs that cover the live ones of bool[..., inputs], and
        bool[..., n], which of them are needed for it."""
        halves = live.reshape(*live.shape[:-1], 2, -1) if self.crossed else live[..., None, :]
        order = np.argsort(~halves, axis=-1, kind="stable")
        counts = halves.sum(axis=-1)
        if self.crossed:
            pairs = np.stack([order[..., 0, :], order[..., 1, :] + self.inputs // 2], axis=-1)
            return pairs, np.arange(pairs.shape[-2]) < counts.max(axis=-1)[..., None]
        pairs = order.reshape(*live.shape[:-1], -1, 2)
        return pairs, 2 * np.arange(pairs.shape[-2]) < counts

    def steps(self, rows: Int8s) -> int:
        """Steps of two pairs that all groups of channels of int8[out_channels, inputs] take."""
        return int(((self.counts(rows, CHANNELS) + 1) // 2).sum())

    def counts(self, rows: Int8s, channels: int) -> Indices:
        """int[groups], the pairs that each group of so many channels takes."""
        _, needed = self.paired(_live(_tiles(rows, self, channels)))
        return np.asarray(needed.sum(axis=(1, 2)))


FOUR, CROSSED, EIGHT = Window(4), Window(8, crossed=True), Window(8)
WINDOWS = (FOUR, CROSSED, EIGHT)


@dataclass(frozen=True, eq=False)
class ColumnPairs:
    """A matrix [out_channels, inputs], in groups of channels, as pairs of inputs.

    counts: int[groups], the pairs of each group.
    places: int[pairs], window by window the index among all pairs of inputs of the windows.
    data: int8[pairs, channels, 2], their weights for the first and the second input.
    """

    counts: Indices
    places: Indices
    data: Int8s

    @classmethod
    def from_dense(cls, rows: Int8s, window: Window, channels: int = CHANNELS) -> ColumnPairs:
        """The pairs of int8[out_channels, inputs], multiples of `channels` and 4; places ascend."""
        tiles = _tiles(rows, window, channels)
        pairs, needed = window.paired(_live(tiles))
        group, at, _ = np.nonzero(needed)
        first, second = pairs[needed].T
        swapped = window.codes[first, second] < 0
        first, second = np.where(swapped, second, first), np.where(swapped, first, second)
        places = at * len(window.pairs) + window.codes[first, second]
        data = np.stack([tiles[group, at, first], tiles[group, at, second]], axis=-1)
        order = np.lexsort((places, group))
        return cls(np.bincount(group, minlength=len(tiles)), places[order], data[order])

    def evened(self) -> ColumnPairs:
        """The same with a last pair of zeros in groups that have an odd number."""
        odd = self.counts % 2
        ends = np.cumsum(self.counts)[odd == 1]
        places, data = np.insert(self.places, ends, 0), np.insert(self.data, ends, 0, axis=0)
        return ColumnPairs(self.counts + odd, places, data)


def kept_in_four(rows: Int8s) -> float:
    """The inputs with weights, on average, of blocks of 4 channels x 4 inputs that have any."""
    kept = _live(_tiles(rows, FOUR, CHANNELS))
    return float(kept.sum() / max(kept.any(axis=2).sum(), 1))


def _live(tiles: Int8s) -> Bools:
    """bool[groups, windows, inputs of a window]: whether a channel has a weight."""
    return np.asarray(tiles.any(axis=3))


def _tiles(rows: Int8s, window: Window, channels: int) -> Int8s:
    """int8[groups, windows, inputs of a window, channels], zeros behind the last input."""
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % window.inputs)))
    split = padded.reshape(len(rows) // channels, channels, -1, window.inputs)
    return np.ascontiguousarray(split.transpose(0, 2, 3, 1))
