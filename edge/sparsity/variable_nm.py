"""Groups of which each keeps its own number of weights, chosen by what is lost for each bit.

After the flexible sparsity of FlightLLM (Zeng et al. 2024, arXiv:2401.03868). Portable kernels run
it as 1x4 or 1x1 blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.sparsity.patterns import Mask, Scores, Shape, check_sparsity, matrix_shape, require_fit

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.intp]


class _Steps(NamedTuple):
    """The group that grows, the score it gains for each bit, and the weights it adds."""

    group: Ints
    gain: Floats
    added: Ints


@dataclass(frozen=True)
class VariableNM:
    """Of `m` consecutive inputs as many are kept as one of `n`; inputs behind the last group stay.

    bits: of a stored weight. A group costs its code, its weights and, unless it is empty or whole,
    their positions. Raises ValueError for counts that do not ascend within 0 to m.
    """

    m: int = 16
    n: tuple[int, ...] = (0, 2, 4, 8, 16)
    bits: int = 8

    def __post_init__(self) -> None:
        if list(self.n) != sorted({*self.n}) or not self.n or self.n[0] < 0 or self.n[-1] > self.m:
            raise ValueError(f"counts {self.n} of {self.m} inputs cannot be kept")

    def __str__(self) -> str:
        return "variable"

    @property
    def code_bits(self) -> int:
        """Bits that say which of `n` a group keeps."""
        return max((len(self.n) - 1).bit_length(), 1)

    def cost(self, kept: int) -> int:
        """Bits of a group."""
        places = 0 if kept == self.m else kept * (self.m - 1).bit_length()
        return self.code_bits + kept * self.bits + places

    def misfit(self, shape: Shape) -> str | None:
        """The layer must have a whole group of inputs."""
        if shape[2] >= self.m:
            return None
        return f"the layer has {shape[2]} input channels, fewer than a group of {self.m}"

    def unit_scores(self, scores: Scores) -> Scores:
        """The scores themselves."""
        return scores.ravel()

    def mask(self, scores: Scores, sparsity: float) -> Mask:
        """Keep at most (1 - sparsity) of the weights in groups of each output channel.

        Groups grow in the order of what they gain for each bit: the squares of their scores, which
        add up to the error that is left out.
        """
        require_fit(self, matrix_shape(scores))
        whole = scores.shape[2] // self.m * self.m
        groups = scores[:, :, :whole].astype(np.float64).reshape(len(scores), -1, self.m)
        most = math.floor((1 - check_sparsity(sparsity)) * groups[0].size + 1e-9)
        counts = np.stack([self._counts(row**2, most) for row in groups])
        order = np.argsort(np.argsort(-groups, axis=2, kind="stable"), axis=2, kind="stable")
        kept = np.ones(scores.shape, np.bool_)
        kept[:, :, :whole] = (order < counts[:, :, None]).reshape(*scores.shape[:2], whole)
        return kept

    def _counts(self, groups: Floats, most: int) -> Ints:
        """How many weights each group [groups, m] keeps, `most` in all."""
        steps = self._steps(groups)
        order = np.argsort(-steps.gain, kind="stable")
        total = self.n[0] * len(groups) + np.cumsum(steps.added[order])
        grown, rest = np.split(order, [np.searchsorted(total, most, "right")])
        added = np.bincount(steps.group[grown], steps.added[grown], len(groups))
        return self._filled(self.n[0] + added.astype(np.intp), steps.group[rest], most)

    def _filled(self, counts: Ints, candidates: Ints, most: int) -> Ints:
        """Give what is left of `most`, less than a step, to the first groups that can take it."""
        left, least = most - int(counts.sum()), min(np.diff(self.n), default=1)
        for group in candidates:
            if left < least:
                break
            best = max(kept for kept in self.n if kept - counts[group] <= left)
            left -= best - counts[group]
            counts[group] = best
        return counts

    def _steps(self, groups: Floats) -> _Steps:
        """Steps of all groups along the upper hull of score over bits, steep ones first."""
        best = np.cumsum(-np.sort(-groups, axis=1), axis=1)
        scores = np.concatenate([np.zeros((len(groups), 1)), best], axis=1)[:, list(self.n)]
        costs = np.array([self.cost(kept) for kept in self.n], np.float64)
        at, found = np.zeros(len(groups), np.intp), []
        for _ in self.n[1:]:
            left = np.flatnonzero(at < len(self.n) - 1)
            slopes = self._slopes(scores[left], costs, at[left])
            to = slopes.argmax(axis=1)
            added = np.array(self.n)[to] - np.array(self.n)[at[left]]
            found.append(_Steps(left, slopes.max(axis=1), added))
            at[left] = to
        return _Steps(*(np.concatenate(part) for part in zip(*found, strict=True)))

    def _slopes(self, scores: Floats, costs: Floats, at: Ints) -> Floats:
        """Score for each bit from where each group is to every larger count."""
        with np.errstate(invalid="ignore", divide="ignore"):
            gains = scores - np.take_along_axis(scores, at[:, None], 1)
            slopes = gains / (costs - costs[at][:, None])
        return np.where(np.arange(len(costs)) > at[:, None], slopes, -np.inf)
