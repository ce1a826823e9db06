"""A-shape: the first blocks and a window (Xiao et al. 2023, arXiv:2309.17453; MInference)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class AShape:
    """`sinks` first blocks and the `local` last ones, the row's own counted."""

    local: int
    sinks: int = 1
    block: int = 64

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """The same for all heads, whatever the values."""
        rows = -(-q.shape[2] // self.block)
        row = torch.arange(rows, device=q.device)
        age = row[:, None] - row
        chosen = (age < self.local) | (row < self.sinks)
        return BlockTable.from_blocks(
            chosen.expand(*q.shape[:2], rows, rows), self.block, q.shape[2]
        )
