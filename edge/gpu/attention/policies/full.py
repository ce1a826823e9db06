"""All past blocks: dense attention as a policy."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class Full:
    """The whole past."""

    block: int = 64

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """The causal triangle."""
        rows = -(-q.shape[2] // self.block)
        chosen = self.chosen(torch.arange(rows, device=q.device), rows, 1)
        return BlockTable.from_blocks(
            chosen.expand(*q.shape[:2], rows, rows), self.block, q.shape[2]
        )

    def chosen(self, row: torch.Tensor, blocks: int, heads: int) -> torch.Tensor:
        """bool[1, len(row), blocks]: all."""
        return torch.ones(1, len(row), blocks, dtype=torch.bool, device=row.device)
