"""Scores of the weights of a linear layer: the least of them go."""

from __future__ import annotations

import torch

from edge.sparsity.layerwise.statistics import InputStatistics


def magnitude_score(weight: torch.Tensor, statistics: InputStatistics) -> torch.Tensor:
    """|w|, whatever the inputs."""
    return weight.abs()


def wanda_score(weight: torch.Tensor, statistics: InputStatistics) -> torch.Tensor:
    """|w| times the norm of its input (Sun et al. 2023, Wanda, arXiv:2306.11695)."""
    return weight.abs() * statistics.norm
