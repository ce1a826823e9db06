"""HiP: a tree over the keys, of which each row follows the best branches (Lee et al. 2024,
arXiv:2406.09827)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from edge.gpu.attention.scores import repeated
from edge.gpu.attention.table import BlockTable


@dataclass(frozen=True)
class HiPTree:
    """Each row keeps `kept` ranges of blocks; all are split in two, a key in the middle of a half
    stands for it, and the `kept` best halves stay, until they are single blocks.

    O(T log T) keys are read in all: 2 * kept for each row and round, `key_reads` counts them. Every
    `sample`-th query of a row is asked. The row's own block is always attended to, as are the
    `local` last and the `sinks` first ones.
    """

    kept: int = 8
    local: int = 1
    sinks: int = 0
    sample: int = 4
    block: int = 64

    def rounds(self, length: int) -> int:
        """Splits until all ranges are single blocks."""
        rows = -(-length // self.block)
        return max(math.ceil(math.log2(max(rows / self.kept, 1))), 0) + 1

    def key_reads(self, length: int) -> int:
        """Keys that one head's search reads."""
        return -(-length // self.block) * self.rounds(length) * 2 * self.kept

    def table(self, q: torch.Tensor, k: torch.Tensor, scale: float) -> BlockTable:
        """The blocks that the search ends at."""
        length = q.shape[2]
        rows = -(-length // self.block)
        queries = _rows_of(q, self.block)[:, :, :, :: self.sample]
        keys = repeated(k, q.shape[1])
        start, width = self._first_ranges(rows, q)
        for _ in range(self.rounds(length)):
            width = torch.cat([width, width], -1) / 2
            start = torch.cat([start, start + width[..., : self.kept]], -1)
            middle = self._block(start, width, rows)
            scores = self._scores(queries, keys, middle)
            scores = scores.masked_fill(_repeats(middle), -torch.inf)
            best = scores.topk(self.kept, -1).indices
            start, width = start.gather(-1, best), width.gather(-1, best)
        found = torch.cat([self._block(start, width, rows), self._always(rows, q)], -1)
        return BlockTable.from_columns(found, self.block, length)

    def _always(self, rows: int, q: torch.Tensor) -> torch.Tensor:
        """[B, H, R, local + sinks]; a row with fewer blocks before it repeats the first."""
        row = torch.arange(rows, device=q.device)[:, None]
        near = row - torch.arange(min(self.local, rows), device=q.device)
        first = torch.arange(min(self.sinks, rows), device=q.device).expand(rows, -1)
        return torch.cat([near, first], -1).expand(*q.shape[:2], rows, -1)

    def _first_ranges(self, rows: int, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[B, H, R, kept]: the row's past in equal parts, starts and widths in blocks."""
        past = torch.arange(1, rows + 1, device=q.device, dtype=torch.float32)
        width = (past / self.kept)[:, None].expand(*q.shape[:2], rows, self.kept)
        return torch.arange(self.kept, device=q.device) * width, width

    def _block(self, start: torch.Tensor, width: torch.Tensor, rows: int) -> torch.Tensor:
        return (start + width / 2).floor().long().clamp(0, rows - 1)

    def _scores(
        self, queries: torch.Tensor, keys: torch.Tensor, middle: torch.Tensor
    ) -> torch.Tensor:
        """[B, H, R, ranges]: the best product of a row's queries with each range's middle key."""
        token = (middle * self.block + self.block // 2).clamp(max=keys.shape[2] - 1).flatten(2)
        found = keys.gather(2, token[..., None].expand(-1, -1, -1, keys.shape[-1]))
        split = found.view(*middle.shape, keys.shape[-1])
        return torch.einsum("bhrqd,bhrkd->bhrqk", queries, split).amax(3)


def _rows_of(q: torch.Tensor, block: int) -> torch.Tensor:
    """[B, H, R, block, D], the last row filled up with the last query."""
    missing = -q.shape[2] % block
    padded = torch.cat([q, q[:, :, -1:].expand(-1, -1, missing, -1)], 2)
    return padded.reshape(*padded.shape[:2], -1, block, padded.shape[-1])


def _repeats(blocks: torch.Tensor) -> torch.Tensor:
    """True where an earlier range stands for the same block: it is enough once."""
    same = blocks[..., :, None] == blocks[..., None, :]
    return same.tril(-1).any(-1)
