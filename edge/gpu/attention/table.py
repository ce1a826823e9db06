"""Which blocks of keys each block of queries attends to."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.errors import fail


@dataclass(frozen=True, eq=False)
class BlockTable:
    """Row r of head h attends to key blocks column[b, h, r, :count[b, h, r]], in ascending order.

    count: int32[B, H, R]; column: int32[B, H, R, C], unused slots repeat the last used one; block:
    tokens of a block; length: tokens. In a causal table a query sees its past alone, within its own
    block too.
    """

    count: torch.Tensor
    column: torch.Tensor
    block: int
    length: int
    causal: bool = True

    @classmethod
    def from_blocks(
        cls, chosen: torch.Tensor, block: int, length: int, *, causal: bool = True
    ) -> BlockTable:
        """Of bool[B, H, R, R]: True where a row attends to a block.

        The future never counts in a causal table. There rows always attend to their own block, in
        another one those that would attend to none: no query is without keys.
        """
        own = torch.eye(chosen.shape[-1], dtype=torch.bool, device=chosen.device)
        alone = own & ~chosen.any(-1, keepdim=True)
        kept = (chosen | own).tril() if causal else chosen | alone
        return cls(*listed(kept), block, length, causal)

    @classmethod
    def from_columns(cls, columns: torch.Tensor, block: int, length: int) -> BlockTable:
        """A causal table of int[B, H, R, N], blocks for each row: in any order, also repeatedly.

        Blocks after the row's own do not count, its own always does. Needs no [R, R] of anything.
        """
        rows = columns.shape[2]
        own = torch.arange(rows, device=columns.device)[:, None].expand(*columns.shape[:3], 1)
        every = torch.cat([columns.clamp(min=0).minimum(own), own], -1).sort(-1).values
        repeated = torch.nn.functional.pad(every.diff(dim=-1) == 0, (1, 0))
        once = every.masked_fill(repeated, rows).sort(-1).values.minimum(own)
        count = (~repeated).sum(-1)
        column = once[..., : int(count.max())].int().contiguous()
        return cls(count.int(), column, block, length)

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
        tokens = tokens[..., : self.length, : self.length]
        return tokens.tril() if self.causal else tokens

    def density(self) -> float:
        """Share of the blocks that is computed; of a causal table, of those of the triangle."""
        every = self.rows * (self.rows + 1) / 2 if self.causal else self.rows**2
        return float(self.count.double().sum(-1).mean()) / every

    def transposed(self) -> tuple[torch.Tensor, torch.Tensor]:
        """count int32[B, H, R], row int32[B, H, R, C]: the rows that attend to each key block."""
        return listed(self.blocks().transpose(-1, -2))

    def union(self, other: BlockTable) -> BlockTable:
        """The table that attends to what either does."""
        both = self.blocks() | other.blocks()
        return BlockTable.from_blocks(both, self.block, self.length, causal=self.causal)

    def check(self) -> None:
        """Raise EdgeError E0070 unless columns ascend and, if causal, end at the row's own."""
        used = torch.arange(self.column.shape[-1], device=self.count.device) < self.count[..., None]
        row = torch.arange(self.rows, device=self.count.device)
        rises = (self.column.diff(dim=-1) > 0) | ~used[..., 1:]
        last = self.column.gather(-1, (self.count.long()[..., None] - 1).clamp(min=0))[..., 0]
        if self.count.shape[-1] != self.rows:
            raise _broken(f"it has {self.count.shape[-1]} rows for {self.length} tokens")
        if not rises.all():
            raise _broken("the blocks of a row are not in ascending order")
        if not (self.count > 0).all():
            raise _broken("a row attends to nothing")
        if self.causal and not (last == row).all():
            raise _broken("a row does not end at its own block")


def listed(kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of bool[..., R]: how many are True, int32[...], and which, int32[..., C], ascending.

    Unused slots repeat the last used one.
    """
    count = kept.sum(-1)
    slots = torch.arange(int(count.max()), device=kept.device)
    last = kept.shape[-1] - 1 - kept.flip(-1).int().argmax(-1)
    column = last[..., None].expand(*count.shape, len(slots)).int().contiguous()
    column[slots < count[..., None]] = kept.nonzero()[:, -1].int()
    return count.int(), column


def _broken(what: str) -> Exception:
    return fail("E0070", f"not a block table: {what}",
                help=["make tables with BlockTable.from_blocks"])  # fmt: skip
