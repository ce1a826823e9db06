"""The logical form of sparse weights: rows of blocks, of which only nonzero ones are kept.

Zeros of dense constants are the only sign of sparsity in a graph; packers make this form from them
and lay it out for one kernel. A mask of coarse blocks is also one of finer blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]

MOST_COLUMNS = 1 << 16
"""Block columns that uint16 can name."""


@dataclass(frozen=True, eq=False)
class BlockRows:
    """A matrix [out_channels, taps] as rows of blocks; taps have the input channel innermost.

    shape: (out_channels, taps); block: (output channels, taps) of one block. Where a block reaches
    beyond the matrix it holds zeros.
    counts: int32[block rows], the blocks kept of each row.
    columns: uint16[blocks], the block column of each, ascending within a row.
    data: int8[blocks, *block].
    """

    shape: tuple[int, int]
    block: tuple[int, int]
    counts: npt.NDArray[np.int32]
    columns: npt.NDArray[np.uint16]
    data: Int8s

    @classmethod
    def from_dense(cls, matrix: Int8s, block: tuple[int, int]) -> BlockRows:
        """The blocks of int8[out_channels, taps] that are not all zero.

        Raises ValueError for more than 65,536 block columns.
        """
        tiles = _tiles(matrix, block)
        if tiles.shape[1] > MOST_COLUMNS:
            raise ValueError(f"{tiles.shape[1]} block columns, at most {MOST_COLUMNS} have a name")
        kept = tiles.any(axis=(2, 3))
        counts = kept.sum(axis=1).astype(np.int32)
        columns = np.nonzero(kept)[1].astype(np.uint16)
        return cls((matrix.shape[0], matrix.shape[1]), block, counts, columns, tiles[kept])

    def to_dense(self) -> Int8s:
        """int8[out_channels, taps]."""
        (rows, taps), (height, width) = self.shape, self.block
        tiles = np.zeros((len(self.counts), -(-taps // width), height, width), np.int8)
        tiles[self.rows, self.columns] = self.data
        whole = tiles.transpose(0, 2, 1, 3).reshape(len(self.counts) * height, -1)
        return np.ascontiguousarray(whole[:rows, :taps])

    @property
    def rows(self) -> npt.NDArray[np.intp]:
        """The block row of each block."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def blocks(self) -> int:
        """Blocks kept."""
        return len(self.columns)

    @property
    def skipped(self) -> npt.NDArray[np.int64]:
        """int64[blocks], the block columns left out between each block and the one before it."""
        columns = self.columns.astype(np.int64)
        return columns - self._before() - 1

    def bridged(self, most: int) -> BlockRows:
        """The same with blocks of zeros where more than `most` columns would be skipped at once."""
        added = self.skipped // (most + 1)
        times = added + 1
        index = np.repeat(np.arange(self.blocks), times)
        place = np.arange(len(index)) - np.repeat(np.cumsum(times) - times, times)
        kept = place == added[index]
        columns = np.where(
            kept, self.columns[index], self._before()[index] + (most + 1) * (place + 1)
        )
        data = np.where(kept[:, None, None], self.data[index], np.int8(0))
        counts = np.bincount(self.rows[index], minlength=len(self.counts)).astype(np.int32)
        return BlockRows(self.shape, self.block, counts, columns.astype(np.uint16), data)

    def _before(self) -> npt.NDArray[np.int64]:
        """int64[blocks], the column of the block before each in its row, -1 for the first."""
        previous = np.append(np.int64(-1), self.columns.astype(np.int64))[:-1]
        starts = (np.cumsum(self.counts) - self.counts)[self.counts > 0]
        previous[starts] = -1
        return previous


def nonzero_blocks(matrix: npt.NDArray[np.generic], block: tuple[int, int]) -> int:
    """How many blocks of a matrix [out_channels, taps] are not all zero."""
    return int(np.count_nonzero(_tiles((matrix != 0).astype(np.int8), block).any(axis=(2, 3))))


def _tiles(matrix: Int8s, block: tuple[int, int]) -> Int8s:
    """int8[block rows, block columns, *block], zeros beyond the matrix."""
    (rows, taps), (height, width) = matrix.shape, block
    padded = np.pad(matrix, ((0, -rows % height), (0, -taps % width)))
    split = padded.reshape(len(padded) // height, height, padded.shape[1] // width, width)
    return np.ascontiguousarray(split.transpose(0, 2, 1, 3))
