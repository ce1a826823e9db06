"""All past blocks: dense attention as a policy."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.attention.policies.policy import positional_table
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class Full:
    """The whole past."""

    block: int = 64

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """The causal triangle."""
        return positional_table(self, q)

    def chosen(self, row: torch.Tensor, blocks: int, heads: int) -> torch.Tensor:
        """bool[1, len(row), blocks]: all."""
        return torch.ones(1, len(row), blocks, dtype=torch.bool, device=row.device)
