"""Packed weights as the device's packers take them, and back: the int8 numbers stay the same."""

from __future__ import annotations

import numpy as np
import torch

from edge.errors import fail
from edge.gpu.linear.layouts.layout import PACK
from edge.gpu.linear.packed import PackedSparse, of_numbers
from edge.sparsity.block_rows import BlockRows
from edge.sparsity.patterns import Block, Pattern


def to_block_rows(packed: PackedSparse, block: tuple[int, int]) -> BlockRows:
    """The logical form of `edge.emit.packing`, with the target's block.

    Raises EdgeError E0093 unless the weights have 8 bits: that is what kernels multiply.
    """
    if packed.bits != 8:
        raise fail(PACK, f"device kernels take weights of 8 bits, not {packed.bits}",
                   help=["pack the weights with bits=8"])  # fmt: skip
    return BlockRows.from_dense(packed.numbers().cpu().numpy(), block)


def from_block_rows(
    rows: BlockRows, scale: torch.Tensor, pattern: Pattern | None = None
) -> PackedSparse:
    """Packed weights of 8 bits; scale: float32[out]. The pattern is that of the blocks by default.

    Raises EdgeError E0093 if the weights do not have the pattern.
    """
    if pattern is None:
        index = np.concatenate([rows.counts, rows.columns.astype(np.int32)]).astype(np.uint16)
        values = torch.from_numpy(rows.data.reshape(-1).copy())
        return PackedSparse(
            rows.shape, Block(*rows.block), values, torch.from_numpy(index), scale, 8
        )
    return of_numbers(torch.from_numpy(rows.to_dense()), scale, pattern, 8)
