"""Local and strided blocks, sharded over heads (S2-Attention, Lin et al., arXiv:2407.17678)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.attention.policies.policy import positional_table
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class LocalStride:
    """The `local` last blocks, and of the others every `stride`-th, each head beginning at another.

    `stride` heads together see the whole context. A block that a row leaves is never used by a
    later one of the same head, so its keys and values can be freed.
    """

    local: int
    stride: int
    block: int = 64

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """From positions alone."""
        return positional_table(self, q)

    def chosen(self, row: torch.Tensor, blocks: int, heads: int) -> torch.Tensor:
        """bool[heads, len(row), blocks]: what these rows attend to, and what comes after them."""
        column = torch.arange(blocks, device=row.device)
        head = torch.arange(heads, device=row.device)[:, None, None]
        return (row[:, None] - column < self.local) | ((column + head) % self.stride == 0)
