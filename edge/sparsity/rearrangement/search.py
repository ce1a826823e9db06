"""The search: swap two channels where that lets blocks of equal size keep more.

The most that K of the blocks can hold is the least over t of K t + sum(max(block - t, 0)), so with
t at the K-th largest block a swap is judged by the sum alone, without sorting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edge.sparsity.patterns import Scores
from edge.sparsity.rearrangement.spaces import Order

Gains = npt.NDArray[np.float32]

_SWEEPS = 12  # over all channels; most searches end earlier because nothing is left to gain
_LEAST_GAIN = 1e-7  # of a layer's magnitude


class View(Protocol):
    """What one layer makes of the channels of a space: columns in groups of equal size."""

    def gains(self, channel: int) -> Gains:
        """What the layer keeps more, as a share of its scores, if `channel` swaps with each."""

    def swap(self, one: int, other: int) -> None:
        """Swap two columns."""


class Blocks:
    """Groups whose sums count where they exceed a threshold: block patterns.

    `columns` are scores [rows, channels], each row a block row; `total` is the layer's sum.
    """

    def __init__(self, columns: Scores, group: int, threshold: float, total: float) -> None:
        self.columns = np.array(columns, np.float32)
        self.group, self.threshold, self.total = group, np.float32(threshold), np.float32(total)
        rows = len(columns)
        self.sums = self.columns.reshape(rows, -1, group).sum(axis=2)

    def _value(self, sums: Scores) -> Scores:
        value: Scores = np.maximum(sums - self.threshold, 0)
        return value

    def gains(self, channel: int) -> Gains:
        """See View. Columns of the same group gain nothing."""
        own = channel // self.group
        column, sums = self.columns[:, channel, None], self.sums.repeat(self.group, axis=1)
        mine = self._value(self.sums[:, own, None] - column + self.columns)
        theirs = self._value(sums + column - self.columns)
        before = self._value(self.sums)
        gains: Gains = (mine + theirs).sum(axis=0) - before.sum(axis=0).repeat(self.group)
        gains -= before[:, own].sum()
        gains[own * self.group : (own + 1) * self.group] = 0
        return gains / self.total

    def swap(self, one: int, other: int) -> None:
        """Swap two columns and bring the sums of their groups up to date."""
        _swap(self.columns, one, other)
        for channel in (one, other):
            start = channel // self.group * self.group
            members = self.columns[:, start : start + self.group]
            self.sums[:, channel // self.group] = members.sum(axis=1)


class Best:
    """Groups of which each row keeps its n best: N:M patterns."""

    def __init__(self, columns: Scores, group: int, n: int, total: float) -> None:
        self.columns = np.array(columns, np.float32)
        self.group, self.n, self.total = group, n, np.float32(total)
        # of the others in each column's group: the sum of the n - 1 best, and the next one
        self.sure, self.next = np.empty_like(self.columns), np.empty_like(self.columns)
        for start in range(0, columns.shape[1], group):
            self._refresh(start)

    def _refresh(self, start: int) -> None:
        for channel in range(start, start + self.group):
            others = [c for c in range(start, start + self.group) if c != channel]
            ordered = np.sort(self.columns[:, others], axis=1)[:, ::-1]
            self.sure[:, channel] = ordered[:, : self.n - 1].sum(axis=1)
            self.next[:, channel] = ordered[:, self.n - 1]

    def gains(self, channel: int) -> Gains:
        """See View. Columns of the same group gain nothing."""
        column = self.columns[:, channel, None]
        now = self.sure + np.maximum(self.next, self.columns)
        mine = self.sure[:, channel, None] + np.maximum(self.next[:, channel, None], self.columns)
        theirs = self.sure + np.maximum(self.next, column)
        gains: Gains = (mine + theirs - now).sum(axis=0) - now[:, channel].sum()
        start = channel // self.group * self.group
        gains[start : start + self.group] = 0
        return gains / self.total

    def swap(self, one: int, other: int) -> None:
        """Swap two columns and bring both groups up to date."""
        _swap(self.columns, one, other)
        for channel in (one, other):
            self._refresh(channel // self.group * self.group)


def _swap(columns: Scores, one: int, other: int) -> None:
    columns[:, [one, other]] = columns[:, [other, one]]


def swap_search(views: Sequence[View], channels: int, sweeps: int = _SWEEPS) -> Order:
    """The order of the channels after swaps that each gain most, until none gains anything.

    Position i of the result is the channel that moves there. The views are changed.
    """
    order = np.arange(channels)
    for _ in range(sweeps):
        gained = False
        for channel in range(channels):
            gains = sum((view.gains(channel) for view in views), np.zeros(channels, np.float32))
            best = int(gains.argmax())
            if gains[best] > _LEAST_GAIN:
                order[[channel, best]] = order[[best, channel]]
                for view in views:
                    view.swap(channel, best)
                gained = True
        if not gained:
            break
    return order
