"""Which blocks of keys each block of queries attends to."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.errors import fail


@dataclass(frozen=True, eq=False)
class BlockTable:
    """Row r of head h attends to key blocks column[b, h, r, :count[b, h, r]], in ascending order.

    count: int32[B, H, R]; column: int32[B, H, R, C], unused slots repeat the last used one; block:
    tokens of a block; length: tokens. Within the diagonal block a query sees its past alone.
    """

    count: torch.Tensor
    column: torch.Tensor
    block: int
    length: int

    @classmethod
    def from_blocks(cls, chosen: torch.Tensor, block: int, length: int) -> BlockTable:
        """Of bool[B, H, R, R]: True where a row attends to a block; the future never counts.

        Rows always attend to their own block, so that no query is without keys.
        """
        blocks = chosen.shape[-1]
        causal = torch.ones(blocks, blocks, dtype=torch.bool, device=chosen.device).tril()
        own = torch.eye(blocks, dtype=torch.bool, device=chosen.device)
        kept = (chosen | own) & causal
        count = kept.sum(-1)
        order = torch.argsort(~kept, dim=-1, stable=True)
        slots = torch.arange(blocks, device=chosen.device).minimum(count[..., None] - 1)
        column = order.gather(-1, slots)[..., : int(count.max())]
        return cls(count.int(), column.int().contiguous(), block, length)

    @property
    def rows(self) -> int:
        """Blocks of queries, and of keys."""
        return -(-self.length // self.block)

    def blocks(self) -> torch.Tensor:
        """bool[B, H, R, R], what `from_blocks` takes."""
        used = torch.arange(self.column.shape[-1], device=self.count.device) < self.count[..., None]
        shape = (*self.count.shape, self.rows)
        chosen = torch.zeros(shape, dtype=torch.int32, device=self.count.device)
        return chosen.scatter_add(-1, self.column.long(), used.int()) > 0

    def to_dense(self) -> torch.Tensor:
        """bool[B, H, T, T]: True where a query token attends to a key token."""
        tokens = self.blocks().repeat_interleave(self.block, -2).repeat_interleave(self.block, -1)
        return tokens[..., : self.length, : self.length].tril()

    def density(self) -> float:
        """Share of the causal triangle of blocks that is computed."""
        triangle = self.rows * (self.rows + 1) / 2
        return float(self.count.double().sum(-1).mean()) / triangle

    def union(self, other: BlockTable) -> BlockTable:
        """The table that attends to what either does."""
        return BlockTable.from_blocks(self.blocks() | other.blocks(), self.block, self.length)

    def check(self) -> None:
        """Raise EdgeError E0070 unless columns are ascending, causal and hold the diagonal."""
        used = torch.arange(self.column.shape[-1], device=self.count.device) < self.count[..., None]
        row = torch.arange(self.rows, device=self.count.device)
        rises = (self.column.diff(dim=-1) > 0) | ~used[..., 1:]
        last = self.column.gather(-1, self.count.long()[..., None] - 1)[..., 0]
        if self.count.shape[-1] != self.rows:
            raise _broken(f"it has {self.count.shape[-1]} rows for {self.length} tokens")
        if not rises.all():
            raise _broken("the blocks of a row are not in ascending order")
        if not (last == row).all():
            raise _broken("a row does not end at its own block")


def _broken(what: str) -> Exception:
    return fail("E0070", f"not a block table: {what}",
                help=["make tables with BlockTable.from_blocks"])  # fmt: skip
