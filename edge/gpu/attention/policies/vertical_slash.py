"""Vertical-slash: columns and diagonals that the last queries look at (Jiang et al. 2024,
MInference, arXiv:2407.02490)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.attention.scores import repeated
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class VerticalSlash:
    """`columns` key tokens and `slashes` diagonals by the attention of the `last` queries.

    The first `first` columns and the nearest `near` diagonals are always among them. Tokens are
    rounded up to the blocks that hold them.
    """

    columns: int = 1000
    slashes: int = 6096
    first: int = 30
    near: int = 100
    last: int = 64
    block: int = 64

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """The blocks that a chosen column or diagonal crosses."""
        length = q.shape[2]
        mass = self._mass(q, k, scale)
        columns = mass.sum(-2)
        columns[..., : self.first] = torch.inf
        slashes = _along_diagonals(mass, length)
        slashes[..., : self.near] = torch.inf
        chosen = self._crossed(_best(columns, self.columns), length)[..., None, :]
        return BlockTable.from_blocks(
            chosen | self._touched(_best(slashes, self.slashes), length), self.block, length
        )

    def _mass(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> torch.Tensor:
        """[B, H, last, T], the attention of the last queries."""
        last, length = min(self.last, q.shape[2]), q.shape[2]
        products = q[:, :, -last:] @ repeated(k, q.shape[1]).transpose(-1, -2) * scale
        position = torch.arange(length, device=q.device)
        return products.masked_fill(position > position[-last:, None], -torch.inf).softmax(-1)

    def _crossed(self, tokens: torch.Tensor, length: int) -> torch.Tensor:
        """bool[B, H, R]: the blocks that hold a chosen token."""
        padded = torch.nn.functional.pad(tokens, (0, -length % self.block))
        return padded.reshape(*padded.shape[:-1], -1, self.block).any(-1)

    def _touched(self, slashes: torch.Tensor, length: int) -> torch.Tensor:
        """bool[B, H, R, R]: the blocks that a chosen diagonal passes through.

        A block d behind the row's own holds the distances from d * block - block + 1 to
        d * block + block - 1.
        """
        rows = -(-length // self.block)
        padded = torch.nn.functional.pad(
            slashes, (self.block - 1, self.block * (rows + 1) - length)
        )
        windows = padded.unfold(-1, 2 * self.block - 1, self.block).any(-1)[..., :rows]
        row = torch.arange(rows, device=slashes.device)
        return windows[..., (row[:, None] - row).clamp(min=0)]


def _best(scores: torch.Tensor, count: int) -> torch.Tensor:
    best = scores.topk(min(count, scores.shape[-1]), -1).indices
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, best, True)


def _along_diagonals(mass: torch.Tensor, length: int) -> torch.Tensor:
    """[B, H, T]: the sum of the mass at each distance from query to key."""
    position = torch.arange(length, device=mass.device)
    distance = (position[-mass.shape[2] :, None] - position).clamp(min=0).flatten()
    sums = torch.zeros(*mass.shape[:2], length, dtype=mass.dtype, device=mass.device)
    return sums.scatter_add_(-1, distance.expand(*mass.shape[:2], -1), mass.flatten(2))
