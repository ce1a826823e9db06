"""SparseGPT: prune column by column, repair the rest (Frantar & Alistarh, arXiv:2301.00774)."""

from __future__ import annotations

import torch

from edge.sparsity.layerwise.damping import damped
from edge.sparsity.layerwise.row_masks import keep_mask
from edge.sparsity.layerwise.statistics import InputStatistics
from edge.sparsity.patterns import NM, Pattern, Unstructured


def sparsegpt(
    weight: torch.Tensor,
    statistics: InputStatistics,
    pattern: Pattern,
    sparsity: float,
    *,
    block: int | None = None,
    damp: float = 0.01,
) -> torch.Tensor:
    """The pruned and repaired weight [out, in].

    Columns are visited in blocks: the mask of a block is chosen when it is reached, single weights
    over all of its rows, N of M at the first column of a group. The error that a removed weight
    makes goes into the columns not yet visited, weighed by the inverse second moment of the inputs.
    Coarser blocks of weights are chosen by the same scores before the sweep. `block` columns are
    128 as in the paper, fewer where that would be more than an eighth of the layer.
    """
    weight = weight.clone()
    weight[:, statistics.squares == 0] = 0
    moment = damped(2 * statistics.second_moment, damp)
    factor = _inverse_factor(moment)
    fixed = _fixed_mask(weight, factor, pattern, sparsity)
    block = _whole_groups(block or min(128, max(32, weight.shape[1] // 8)), pattern)
    for start in range(0, weight.shape[1], block):
        part = slice(start, min(start + block, weight.shape[1]))
        kept = None if fixed is None else fixed[:, part]
        error = _sweep(weight[:, part], factor[part, part], pattern, sparsity, kept)
        weight[:, part.stop :] -= error @ factor[part, part.stop :]
    return weight


def _inverse_factor(moment: torch.Tensor) -> torch.Tensor:
    """The upper Cholesky factor of the inverse."""
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(moment))
    factor: torch.Tensor = torch.linalg.cholesky(inverse, upper=True)
    return factor


def _whole_groups(block: int, pattern: Pattern) -> int:
    return max(block // pattern.m, 1) * pattern.m if isinstance(pattern, NM) else block


def _fixed_mask(
    weight: torch.Tensor, factor: torch.Tensor, pattern: Pattern, sparsity: float
) -> torch.Tensor | None:
    """The mask of patterns that are not chosen on the way."""
    if isinstance(pattern, NM | Unstructured):
        return None
    return keep_mask(weight.square() / factor.diagonal().square(), pattern, sparsity)


def _sweep(
    weight: torch.Tensor,
    factor: torch.Tensor,
    pattern: Pattern,
    sparsity: float,
    kept: torch.Tensor | None,
) -> torch.Tensor:
    """Prune a block of columns in place; the errors that columns to its right must take up."""
    costs, error = factor.diagonal().square(), torch.zeros_like(weight)
    if kept is None:
        kept = _block_mask(weight.square() / costs, pattern, sparsity)
    for column in range(weight.shape[1]):
        if isinstance(pattern, NM) and column % pattern.m == 0:
            group = slice(column, column + pattern.m)
            kept[:, group] = keep_mask(weight[:, group].square() / costs[group], pattern, sparsity)
        loss = torch.where(kept[:, column], 0.0, weight[:, column])
        error[:, column] = loss / factor[column, column]
        weight[:, column:] -= error[:, column, None] * factor[column, column:]
        weight[:, column] = torch.where(kept[:, column], weight[:, column], 0.0)
    return error


def _block_mask(scores: torch.Tensor, pattern: Pattern, sparsity: float) -> torch.Tensor:
    if isinstance(pattern, NM):
        return torch.ones_like(scores, dtype=torch.bool)
    order = scores.flatten().argsort(stable=True)
    kept = torch.ones(scores.numel(), dtype=torch.bool, device=scores.device)
    kept[order[: int(scores.numel() * sparsity)]] = False
    return kept.view_as(scores)
