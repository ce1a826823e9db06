"""The leading directions of a matrix, all with the same weight."""

from __future__ import annotations

from typing import Any

import torch

_LEAST = 1e-6  # share of the largest singular value, squared, below which gaps count as this


class LeadingDirections(torch.autograd.Function):
    """U_r V_r^T of a square matrix, from its `rank` largest singular values.

    Autograd through an SVD divides by the gaps between all singular values, of which many are zero
    for a short context. The product depends on gaps between kept and dropped ones alone.
    """

    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor, rank: int) -> Any:
        u, s, v = torch.linalg.svd(matrix)
        ctx.save_for_backward(u, s, v)
        ctx.rank = rank
        return u[:, :rank] @ v[:rank]

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        u, s, v = ctx.saved_tensors
        inner = u.T @ grads[0] @ v.T
        same, other = _slopes(s, ctx.rank)
        return u @ (same * inner + other * inner.T) @ v, None


def _slopes(s: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """How entry (i, j), in the basis of the directions, depends on (i, j) and on (j, i).

    From the derivatives of both bases: for two kept directions 1 / (s_i + s_j) and its negative,
    for a kept and a dropped one s_k / (s_k^2 - s_d^2) and s_d / (s_k^2 - s_d^2).
    """
    kept = torch.arange(len(s), device=s.device) < rank
    both, mixed = kept[:, None] & kept, kept[:, None] ^ kept
    least = _LEAST * s[0].square() + torch.finfo(s.dtype).tiny
    large, small = torch.maximum(s[:, None], s), torch.minimum(s[:, None], s)
    inside = both / (s[:, None] + s).clamp_min(least.sqrt())
    across = mixed / (large.square() - small.square()).clamp_min(least)
    return inside + across * large, across * small - inside
