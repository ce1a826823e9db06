"""Masks of linear layers that compare weights within their output row, as Wanda does."""

from __future__ import annotations

import torch

from edge.sparsity.layers import mask_tensor, scores_of
from edge.sparsity.patterns import NM, Pattern, Unstructured, check_sparsity


def keep_mask(scores: torch.Tensor, pattern: Pattern, sparsity: float) -> torch.Tensor:
    """bool[out, in], True where a weight is kept, of scores [out, in].

    Single weights are compared within their row (Sun et al. 2023, arXiv:2306.11695), N of M within
    their group, where inputs and outputs beyond the last whole group stay; blocks within the layer.
    Of equal scores the first go first. Raises EdgeError E0040, E0042.
    """
    if isinstance(pattern, Unstructured):
        return _keep_in_rows(scores, int(scores.shape[1] * check_sparsity(sparsity)))
    if isinstance(pattern, NM):
        return _keep_in_groups(scores, pattern)
    return mask_tensor(pattern.mask(scores_of(scores), sparsity), scores)


def _keep_in_rows(scores: torch.Tensor, removed: int) -> torch.Tensor:
    order = scores.argsort(dim=-1, stable=True)
    kept = torch.ones_like(scores, dtype=torch.bool)
    return kept.scatter_(-1, order[..., :removed], False)


def _keep_in_groups(scores: torch.Tensor, pattern: NM) -> torch.Tensor:
    outputs = len(scores) // pattern.rows * pattern.rows
    inputs = scores.shape[1] // pattern.m * pattern.m
    shared = scores[:outputs, :inputs].reshape(-1, pattern.rows, inputs).sum(1)
    groups = shared.reshape(len(shared), -1, pattern.m)
    chosen = _keep_in_rows(groups, pattern.m - pattern.n).flatten(1)
    kept = torch.ones_like(scores, dtype=torch.bool)
    kept[:outputs, :inputs] = chosen.repeat_interleave(pattern.rows, 0)
    return kept
