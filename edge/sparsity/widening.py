"""Sparse-IFT: more channels for the arithmetic that sparsity saves (Saxena et al. 2023,
arXiv:2303.11525).

A layer whose inputs and outputs are both k times as wide does k^2 (1 - s) of the work at sparsity
s; with k = (1 - s)^(-1/2) the work is that of the dense layer (the paper's Sparse Wide).
"""

from __future__ import annotations

import math

from edge.sparsity.patterns import check_sparsity


def iso_flop_factor(sparsity: float) -> float:
    """How much wider layers may be at this sparsity. Raises EdgeError E0040."""
    return 1 / math.sqrt(1 - check_sparsity(sparsity))


def widened(channels: int, sparsity: float, multiple: int = 4) -> int:
    """The channels of a widened layer, rounded to a multiple that blocks fit.

    Input and output channels of the whole network stay as they are: widen what lies between.
    """
    wide = channels * iso_flop_factor(sparsity)
    return max(multiple, multiple * math.floor(wide / multiple + 0.5))
