"""Block means of queries and keys, the best products (block-sparse heads of MInference,
Jiang et al. 2024, arXiv:2407.02490)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.attention.scores import best_blocks, block_mean, repeated
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class MeanPool:
    """The `kept` best key blocks of each row, its own among them."""

    kept: int = 100
    block: int = 64

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """By the products of block means."""
        means = block_mean(repeated(k, q.shape[1]), self.block)
        scores = block_mean(q, self.block) @ means.transpose(-1, -2)
        return BlockTable.from_blocks(best_blocks(scores, self.kept), self.block, q.shape[2])
