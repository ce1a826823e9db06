"""Blocks that are not all zero, the form that the device's packers read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from edge.gpu.linear.layouts.layout import Parts
from edge.gpu.linear.numbers import TYPES, loaded, stored, stored_length
from edge.sparsity.block_rows import BlockRows


@dataclass(frozen=True)
class Blocks:
    """Blocks that are not all zero. index uint16: their number in each block row, their columns.

    values hold block after block, its rows outside; zeros where a block reaches beyond the matrix.
    """

    block: tuple[int, int]

    def pack(self, numbers: torch.Tensor, bits: int) -> Parts:
        """As edge.sparsity.block_rows, which the device's packers read."""
        rows = BlockRows.from_dense((numbers != 0).to(torch.int8).cpu().numpy(), self.block)
        tiles = self._tiles(numbers)
        places = torch.from_numpy(rows.rows), torch.from_numpy(rows.columns.astype(np.int64))
        index = np.concatenate([rows.counts, rows.columns.astype(np.int32)]).astype(np.uint16)
        values = stored(tiles[places].flatten(), bits)
        return Parts(values, torch.from_numpy(index).to(numbers.device))

    def _tiles(self, numbers: torch.Tensor) -> torch.Tensor:
        """[block rows, block columns, *block]."""
        (height, width), (outputs, inputs) = self.block, numbers.shape
        padded = torch.nn.functional.pad(numbers, (0, -inputs % width, 0, -outputs % height))
        rows, columns = len(padded) // height, padded.shape[1] // width
        return padded.reshape(rows, height, columns, width).transpose(1, 2)

    def counts(self, index: torch.Tensor, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Numbers of blocks int64[block rows] and block columns int64[blocks]."""
        rows = -(-outputs // self.block[0])
        return index[:rows].long(), index[rows:].long()

    def unpack(self, parts: Parts, shape: tuple[int, int], bits: int) -> torch.Tensor:
        """The inverse of `pack`."""
        (outputs, inputs), (height, width) = shape, self.block
        counts, columns = self.counts(parts.index, outputs)
        rows = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
        tiles = torch.zeros(
            len(counts), -(-inputs // width), height, width, dtype=TYPES[bits],
            device=parts.values.device,
        )  # fmt: skip
        numbers = loaded(parts.values, bits, len(columns) * height * width)
        tiles[rows, columns] = numbers.view(-1, height, width)
        whole = tiles.transpose(1, 2).flatten(2).flatten(0, 1)
        return whole[:outputs, :inputs].contiguous()

    def is_whole(self, parts: Parts, shape: tuple[int, int], bits: int) -> bool:
        """As many columns and values as the counts say, and no column beyond the matrix."""
        counts, columns = self.counts(parts.index, shape[0])
        values = stored_length(int(counts.sum()) * self.block[0] * self.block[1], bits)
        return (
            len(counts) == -(-shape[0] // self.block[0])
            and int(counts.sum()) == len(columns)
            and len(parts.values) == values
            and not bool((columns >= -(-shape[1] // self.block[1])).any())
            and parts.tail is None
        )
