"""Which key blocks the query heads of one step of decoding attend to."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.attention.table import listed


@dataclass(frozen=True, eq=False)
class DecodeBlocks:
    """The key blocks that the query heads of one step attend to, listed a group of heads at a time.

    chosen: bool[B, H, R], B may be 1 for all sequences. count: int32[B, G] and column:
    int32[B, G, C], those that some head of a group needs, in ascending order. member:
    bool[B, H, C], which of them a head itself needs. block: tokens of a block.
    """

    chosen: torch.Tensor
    count: torch.Tensor
    column: torch.Tensor
    member: torch.Tensor
    block: int

    @classmethod
    def of(cls, chosen: torch.Tensor, groups: int, block: int) -> DecodeBlocks:
        """Of bool[B, H, R] for H query heads that share `groups` key heads."""
        batch, heads, blocks = chosen.shape
        grouped = chosen.view(batch, groups, heads // groups, blocks)
        count, column = listed(grouped.any(2))
        used = torch.arange(column.shape[-1], device=chosen.device) < count[..., None]
        places = column.long()[:, :, None].expand(-1, -1, heads // groups, -1)
        member = grouped.gather(-1, places) & used[:, :, None]
        return cls(chosen, count, column, member.view(batch, heads, -1), block)
