"""Bi-level routing: regions choose regions, tokens attend to the tokens of those (BiFormer,
Zhu et al. 2023, arXiv:2303.08810)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.attention.scores import block_mean, repeated
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class BiLevelRouting:
    """The `kept` regions of `block` tokens whose mean key is nearest to a region's mean query.

    For images: a region sees regions before and after it, not always itself, and all heads of a
    layer the same ones, since means are over all channels.
    """

    kept: int
    block: int = 64

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """By the products of region means."""
        means = block_mean(repeated(k, q.shape[1]), self.block)
        near = (block_mean(q, self.block) @ means.transpose(-1, -2)).sum(1)
        best = near.topk(min(self.kept, near.shape[-1]), -1).indices
        chosen = torch.zeros_like(near, dtype=torch.bool).scatter_(-1, best, True)
        every = chosen[:, None].expand(-1, q.shape[1], -1, -1)
        return BlockTable.from_blocks(every, self.block, q.shape[2], causal=False)
