"""Patterns: which weights of a layer may be removed together, and masks with exact counts.

Scores and masks are [out, positions, inputs]: output channels, kernel positions row by row (1 for
linear and pointwise layers), input channels of one group innermost. It is the matrix
[out, kernel_h * kernel_w * in] of the kernels with its columns split, and what an OHWI weight is
after merging H and W. A mask is True where a weight is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edge.errors import fail

Shape = tuple[int, int, int]
Scores = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]

SPARSITY, PATTERN, MISFIT = "E0040", "E0041", "E0042"


class Pattern(Protocol):
    """A way to remove weights. `str(pattern)` is what `parse_pattern` reads."""

    def misfit(self, shape: Shape) -> str | None:
        """Why a layer of this shape cannot have the pattern and what would fit; None if it can."""

    def unit_scores(self, scores: Scores) -> Scores:
        """The mean score of each unit that goes or stays as a whole, in one dimension."""

    def mask(self, scores: Scores, sparsity: float) -> Mask:
        """Keep the best units: round(sparsity * units) are removed, of equals the first ones.

        Raises EdgeError E0040 for a sparsity outside [0, 1) or beyond the pattern's own, E0042 if
        the pattern does not fit.
        """


def check_sparsity(sparsity: float, where: str = "") -> float:
    """The sparsity, if it is in [0, 1). Raises EdgeError E0040."""
    if not 0 <= sparsity < 1:
        title = f"sparsity {sparsity:g} is not the fraction of weights to remove"
        raise fail(SPARSITY, title, where, help=["give a number from 0 to below 1, such as 0.5"])
    return sparsity


def removed_units(sparsity: float, units: int) -> int:
    """How many of the units a sparsity removes: halves are rounded up, one always stays."""
    return min(math.floor(check_sparsity(sparsity) * units + 0.5), units - 1)


def keep_best(unit_scores: Scores, removed: int) -> Mask:
    """True for all but the `removed` lowest scores; of equal scores the first go first."""
    kept = np.ones(unit_scores.size, np.bool_)
    kept[np.argsort(unit_scores.ravel(), kind="stable")[:removed]] = False
    return kept.reshape(unit_scores.shape)


def require_fit(pattern: Pattern, shape: Shape, layer: str = "") -> None:
    """Raise EdgeError E0042 if the pattern does not fit a layer."""
    reason = pattern.misfit(shape)
    if reason:
        name = layer or f"a layer of {shape[0]}x{shape[1]}x{shape[2]}"
        raise fail(MISFIT, f"pattern {pattern} does not fit {name}", layer, help=[reason])


@dataclass(frozen=True)
class Block:
    """`out` output channels x `into` consecutive inputs of one kernel position."""

    out: int
    into: int

    def __str__(self) -> str:
        return f"{self.out}x{self.into}"

    def misfit(self, shape: Shape) -> str | None:
        """The layer's channels must be multiples of the block's sides."""
        outputs, _, inputs = shape
        if outputs % self.out == 0 and inputs % self.into == 0:
            return None
        fits = f"{math.gcd(outputs, self.out)}x{math.gcd(inputs, self.into)}"
        return (
            f"the layer has {outputs} output and {inputs} input channels, which are not multiples "
            f"of {self.out} and {self.into}; {fits} fits, and unstructured always does"
        )

    def blocks(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """[out / bo, positions, in / bi, bo, bi] of an array [out, positions, in]."""
        outputs, positions, inputs = array.shape
        split = array.reshape(
            outputs // self.out, self.out, positions, inputs // self.into, self.into
        )
        return split.transpose(0, 2, 3, 1, 4)

    def unit_scores(self, scores: Scores) -> Scores:
        """The mean of each block."""
        return self._sums(scores).ravel() / (self.out * self.into)

    def _sums(self, scores: Scores) -> Scores:
        summed: Scores = self.blocks(scores).sum(axis=(3, 4), dtype=np.float64)
        return summed

    def mask(self, scores: Scores, sparsity: float) -> Mask:
        """Remove the blocks with the least sum."""
        require_fit(self, matrix_shape(scores))
        sums = self._sums(scores)
        kept = keep_best(sums, removed_units(sparsity, sums.size))
        return self.spread(kept)

    def spread(self, kept: Mask) -> Mask:
        """The mask [out, positions, in] of kept blocks [out / bo, positions, in / bi]."""
        return kept.repeat(self.out, axis=0).repeat(self.into, axis=2)


@dataclass(frozen=True)
class Unstructured:
    """Each weight by itself."""

    def __str__(self) -> str:
        return "unstructured"

    def misfit(self, shape: Shape) -> str | None:
        """Fits every layer."""
        return None

    def unit_scores(self, scores: Scores) -> Scores:
        """The scores themselves."""
        return scores.ravel()

    def mask(self, scores: Scores, sparsity: float) -> Mask:
        """Remove the weights with the least scores."""
        return keep_best(scores, removed_units(sparsity, scores.size))


@dataclass(frozen=True)
class NM:
    """`n` of `m` consecutive inputs are kept (Zhou et al. 2021, arXiv:2102.04010), by `rows`
    neighbouring outputs the same ones (Castro et al. 2023, VENOM, arXiv:2310.02065).

    Below the pattern's own sparsity 1 - n/m the groups that lose least have the pattern and the
    others are dense, so that a schedule can grow it.
    """

    n: int
    m: int
    rows: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.n < self.m or self.rows < 1:
            raise ValueError(f"{self.n} of {self.m} inputs cannot be kept")

    def __str__(self) -> str:
        return f"{self.n}:{self.m}" + (f"x{self.rows}" if self.rows > 1 else "")

    def misfit(self, shape: Shape) -> str | None:
        """The inputs must be a multiple of m, the outputs one of rows."""
        for size, name, part in ((shape[2], "input", self.m), (shape[0], "output", self.rows)):
            if size % part:
                return (
                    f"the layer has {size} {name} channels, which are not a multiple of {part}; "
                    "unstructured always fits"
                )
        return None

    def shared(self, scores: Scores) -> Scores:
        """[out / rows, positions, in], the sums over outputs that keep the same inputs."""
        return shared_by(scores, self.rows)

    def unit_scores(self, scores: Scores) -> Scores:
        """The mean of the weights that each group would lose."""
        ordered = np.sort(self.shared(scores).reshape(-1, self.m), axis=1)
        losses: Scores = ordered[:, : self.m - self.n].mean(axis=1, dtype=np.float64)
        return losses / self.rows

    def mask(self, scores: Scores, sparsity: float) -> Mask:
        """Remove m - n weights of each of the groups that lose least."""
        require_fit(self, matrix_shape(scores))
        most = 1 - self.n / self.m
        if check_sparsity(sparsity) > most + 1e-9:
            help = [f"{self} removes {most:g} of the weights at most; block patterns remove more"]
            raise fail(SPARSITY, f"sparsity {sparsity:g} is beyond the pattern {self}", help=help)
        shared = self.shared(scores)
        groups = shared.reshape(-1, self.m)
        pruned = math.floor(sparsity / most * len(groups) + 0.5)
        dense = keep_best(self.unit_scores(scores), pruned)
        order = np.argsort(np.argsort(groups, axis=1, kind="stable"), axis=1, kind="stable")
        kept = (order >= self.m - self.n) | dense[:, None]
        return kept.reshape(shared.shape).repeat(self.rows, axis=0)


@dataclass(frozen=True)
class KernelPattern:
    """Each k x k kernel keeps one of few sets of positions (SparseByteNN, arXiv:2310.19509;
    Niu et al. 2020, PatDNN, arXiv:2001.00138), for k x k and depthwise convolutions.

    All kernels keep the same number of positions: round(sparsity * positions) are removed from
    each. `sets` is how many different sets a layer may use: those that most kernels would choose.
    `rows` neighbouring outputs use the same one, so that depthwise kernels of vectors can skip it.
    """

    sets: int = 8
    rows: int = 1

    def __str__(self) -> str:
        return "kernel" + (f"x{self.rows}" if self.rows > 1 else "")

    def misfit(self, shape: Shape) -> str | None:
        """The kernel must have more than one position, the outputs be a multiple of rows."""
        if shape[1] == 1:
            return (
                "the layer has kernels of one position; use it on k x k or depthwise convolutions"
            )
        if shape[0] % self.rows:
            return (
                f"the layer has {shape[0]} output channels, which are not a multiple of "
                f"{self.rows}; kernel always fits"
            )
        return None

    def unit_scores(self, scores: Scores) -> Scores:
        """Those of the weights: positions are chosen one by one."""
        return scores.ravel()

    def mask(self, scores: Scores, sparsity: float) -> Mask:
        """Give each kernel the set that keeps most of its scores."""
        require_fit(self, matrix_shape(scores))
        _, positions, inputs = scores.shape
        kernels = shared_by(scores, self.rows).transpose(0, 2, 1).reshape(-1, positions)
        removed = removed_units(sparsity, positions)
        chosen = np.argsort(np.argsort(kernels, 1, kind="stable"), 1, kind="stable") >= removed
        sets, votes = np.unique(chosen, axis=0, return_counts=True)
        common = sets[np.argsort(-votes, kind="stable")[: self.sets]]
        best: Mask = common[np.argmax(kernels @ common.T.astype(kernels.dtype), axis=1)]
        shared = best.reshape(-1, inputs, positions).transpose(0, 2, 1)
        return shared.repeat(self.rows, axis=0)


@dataclass(frozen=True)
class Channel:
    """Whole output channels."""

    def __str__(self) -> str:
        return "channel"

    def misfit(self, shape: Shape) -> str | None:
        """Fits every layer with more than one output channel."""
        return None if shape[0] > 1 else "the layer has a single output channel"

    def unit_scores(self, scores: Scores) -> Scores:
        """The mean of each output channel."""
        means: Scores = scores.mean(axis=(1, 2), dtype=np.float64)
        return means

    def mask(self, scores: Scores, sparsity: float) -> Mask:
        """Remove the channels with the least mean."""
        means = self.unit_scores(scores)
        kept = keep_best(means, removed_units(sparsity, means.size))
        return np.broadcast_to(kept[:, None, None], scores.shape).copy()


def shared_by(scores: Scores, rows: int) -> Scores:
    """[out / rows, positions, in], the sums over neighbouring outputs."""
    summed: Scores = scores.reshape(-1, rows, *scores.shape[1:]).sum(axis=1)
    return summed


def matrix_shape(scores: Scores) -> Shape:
    """(output channels, kernel positions, inputs) of scores."""
    outputs, positions, inputs = scores.shape
    return outputs, positions, inputs
