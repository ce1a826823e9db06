"""A-shape: the first blocks and a window (Xiao et al. 2023, arXiv:2309.17453; MInference)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.attention.policies.policy import positional_table
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class AShape:
    """`sinks` first blocks and the `local` last ones, the row's own counted."""

    local: int
    sinks: int = 1
    block: int = 64

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """The same for all heads, whatever the values."""
        return positional_table(self, q)

    def chosen(self, row: torch.Tensor, blocks: int, heads: int) -> torch.Tensor:
        """bool[1, len(row), blocks]: what these rows attend to, and what comes after them."""
        column = torch.arange(blocks, device=row.device)
        return ((row[:, None] - column < self.local) | (column < self.sinks))[None]
