"""Masked least squares: the weights that stay make up for those that went.

Per row: minimize E[((w' - w) x)^2] over w' that are zero where the mask is, which is the linear
system G[K, K] w'[K] = (G w)[K] with G = E[x x^T].
"""

from __future__ import annotations

import torch

from edge.sparsity.layerwise.damping import damped
from edge.sparsity.layerwise.statistics import InputStatistics

EXACT_UP_TO = 256
"""Inputs up to which a factorization a row is quicker than conjugate gradients."""


def refit(
    weight: torch.Tensor,
    kept: torch.Tensor,
    statistics: InputStatistics,
    *,
    how: str = "auto",
    damp: float = 0.01,
    steps: int = 20,
) -> torch.Tensor:
    """The weight [out, in] that comes nearest to the given one's outputs through the mask.

    `how`: "exact" solves each row, k^3 operations for k kept weights; "cg" does `steps` steps of
    conjugate gradients for all rows at once, in matrix products alone; "auto" takes the first for
    up to 256 inputs.
    """
    moment = damped(statistics.second_moment, damp)
    if how == "exact" or (how == "auto" and weight.shape[1] <= EXACT_UP_TO):
        return _exact(weight, kept, moment)
    return _conjugate_gradients(weight, kept, moment, steps)


def _exact(weight: torch.Tensor, kept: torch.Tensor, moment: torch.Tensor) -> torch.Tensor:
    wanted, fitted = weight @ moment, torch.zeros_like(weight)
    for row in range(len(weight)):
        columns = kept[row].nonzero().flatten()
        factor = torch.linalg.cholesky(moment[columns][:, columns])
        fitted[row, columns] = torch.cholesky_solve(wanted[row, columns, None], factor)[:, 0]
    return fitted


def _conjugate_gradients(
    weight: torch.Tensor, kept: torch.Tensor, moment: torch.Tensor, steps: int
) -> torch.Tensor:
    fitted = weight * kept
    residual = ((weight - fitted) @ moment) * kept
    direction, norm = residual, residual.square().sum(1, keepdim=True)
    for _ in range(steps):
        image = (direction @ moment) * kept
        length = norm / ((direction * image).sum(1, keepdim=True) + 1e-20)
        fitted = fitted + length * direction
        residual = residual - length * image
        previous, norm = norm, residual.square().sum(1, keepdim=True)
        direction = residual + norm / (previous + 1e-20) * direction
    return fitted
