"""A window that grows with the length (Fu et al. 2024, MoA, arXiv:2406.14909)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from edge.gpu.attention.policies.a_shape import AShape
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class MoASpan:
    """A window of `alpha + beta * length` tokens, rounded up to blocks, and `sinks` first blocks.

    Each head has its own; `edge.gpu.attention.spans.elastic.moa_spans` finds them.
    """

    alpha: int
    beta: float = 0.0
    sinks: int = 0
    block: int = 64

    def window(self, blocks: int) -> int:
        """Blocks of the window, the row's own counted, where the length is so many blocks."""
        # One part in 10^9 less, so that a share of a whole number of blocks is not rounded up.
        span = math.ceil(self.alpha / self.block + self.beta * blocks - 1e-9)
        return min(max(span, 1), blocks)

    def computed(self, blocks: int) -> int:
        """Blocks of the causal triangle that one head computes."""
        most = self.window(blocks) + self.sinks
        return sum(min(row + 1, most) for row in range(blocks))

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """From positions alone."""
        return self._shape(-(-q.shape[2] // self.block)).table(q, k, scale)

    def chosen(self, row: torch.Tensor, blocks: int, heads: int) -> torch.Tensor:
        """bool[1, len(row), blocks]."""
        return self._shape(blocks).chosen(row, blocks, heads)

    def _shape(self, blocks: int) -> AShape:
        return AShape(self.window(blocks), self.sinks, self.block)
