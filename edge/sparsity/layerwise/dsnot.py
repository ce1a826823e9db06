"""DSnoT: masks without training (Zhang et al. 2023, arXiv:2310.08915)."""

from __future__ import annotations

import torch

from edge.sparsity.layerwise.scores import wanda_score
from edge.sparsity.layerwise.statistics import InputStatistics


def dsnot(
    weight: torch.Tensor,
    kept: torch.Tensor,
    statistics: InputStatistics,
    *,
    cycles: int = 50,
    threshold: float = 0.01,
    power: float = 1.0,
) -> torch.Tensor:
    """A mask bool[out, in] with as many weights a row as `kept`, and a smaller expected error.

    In every row a removed weight is swapped for a kept one, at most `cycles` times: while the
    error of the mean output is above `threshold` and a swap does not turn its sign. What grows
    changes the error most for its input's variance to the `power`; of those kept weights that
    contribute to the error, the one with the least Wanda score goes.
    """
    kept, rows = kept.clone(), torch.arange(len(weight), device=weight.device)
    share = weight * statistics.mean
    scores = wanda_score(weight, statistics)
    error = (share * ~kept).sum(1)
    sign = error.sign()[:, None]
    gain = share * sign / statistics.variance**power
    active = torch.ones(len(weight), dtype=torch.bool, device=weight.device)
    for _ in range(cycles):
        opposed = kept & (share * sign < 0)
        grown = gain.masked_fill(kept, -torch.inf).argmax(1)
        dropped = scores.masked_fill(~opposed, torch.inf).argmin(1)
        after = error + share[rows, dropped] - share[rows, grown]
        possible = opposed.any(1) & (~kept).any(1) & (after.sign() == sign[:, 0])
        active &= possible & (error.abs() > threshold)
        if not active.any():
            break
        changed = rows[active]
        kept[changed, grown[active]], kept[changed, dropped[active]] = True, False
        error = torch.where(active, after, error)
    return kept
