"""Block-sparse attention by torch's FlexAttention."""

from __future__ import annotations

import functools
from typing import Any

import torch

from edge.gpu.attention.table import BlockTable


def flex_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, table: BlockTable, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs [B, H, T, D] and the log of the sum of exponentials [B, H, T].

    Compiled once a shape; on a CPU there is no backward pass.
    """
    output, lse = _compiled()(
        q, k, v, block_mask=block_mask(table), scale=scale,
        enable_gqa=k.shape[1] != q.shape[1], return_lse=True,
    )  # fmt: skip
    return output, lse


def block_mask(table: BlockTable) -> Any:
    """The table as torch.nn.attention.flex_attention.BlockMask.

    Its mask function names the blocks as well: torch's eager form looks at nothing else.
    """
    from torch.nn.attention.flex_attention import BlockMask

    rows = table.rows
    padding = rows - table.column.shape[-1]
    column = torch.nn.functional.pad(table.column, (0, padding))

    blocks, size = table.blocks(), table.block

    def seen(b: Any, h: Any, query: Any, key: Any) -> Any:
        listed = blocks[b, h, query // size, key // size]
        return (query >= key) & listed if table.causal else listed

    return BlockMask.from_kv_blocks(
        table.count, column, BLOCK_SIZE=table.block, mask_mod=seen,
        seq_lengths=(table.length, table.length),
    )  # fmt: skip


@functools.cache
def _compiled() -> Any:
    from torch.nn.attention.flex_attention import flex_attention as eager

    return torch.compile(eager)
