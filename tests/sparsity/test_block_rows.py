"""The block format keeps every nonzero weight, in order, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.sparsity.block_rows import BlockRows, nonzero_blocks

BLOCKS = st.tuples(st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4, 8, 16]))


def masked(rows: int, taps: int, density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-128, 128, (rows, taps)).astype(np.int8)
    return weights * (rng.random((rows, taps)) < density).astype(np.int8)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 20), st.integers(1, 70), st.sampled_from([0.0, 0.05, 0.5, 1.0]), BLOCKS)
def test_dense_weights_come_back(
    rows: int, taps: int, density: float, block: tuple[int, int]
) -> None:
    matrix = masked(rows, taps, density, rows * taps)
    found = BlockRows.from_dense(matrix, block)
    assert np.array_equal(found.to_dense(), matrix)
    assert found.data.any(axis=(1, 2)).all()
    assert found.blocks == nonzero_blocks(matrix, block) == found.counts.sum()


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 12), st.integers(1, 70), BLOCKS)
def test_columns_ascend_within_a_row(rows: int, taps: int, block: tuple[int, int]) -> None:
    found = BlockRows.from_dense(masked(rows, taps, 0.2, taps), block)
    for row in range(len(found.counts)):
        assert (np.diff(found.columns[found.rows == row].astype(int)) > 0).all()


def test_finer_blocks_keep_no_more_weights_than_coarse_ones() -> None:
    matrix = masked(16, 64, 0.1, 1)
    coarse, fine = (nonzero_blocks(matrix, b) * b[0] * b[1] for b in ((4, 4), (1, 2)))
    assert np.count_nonzero(matrix) <= fine <= coarse


def test_more_columns_than_uint16_names_are_refused() -> None:
    with pytest.raises(ValueError, match="65536"):
        BlockRows.from_dense(np.ones((1, (1 << 16) + 1), np.int8), (1, 1))


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 12), st.integers(1, 200), BLOCKS, st.sampled_from([0, 1, 3, 10]))
def test_bridging_keeps_the_matrix_and_bounds_what_is_skipped(
    rows: int, taps: int, block: tuple[int, int], most: int
) -> None:
    matrix = masked(rows, taps, 0.03, taps)
    found = BlockRows.from_dense(matrix, block)
    bridged = found.bridged(most)
    assert np.array_equal(bridged.to_dense(), matrix)
    assert bridged.skipped.max(initial=0) <= most
    ends = bridged.skipped + 1
    assert np.array_equal(
        bridged.columns, [ends[bridged.rows == r][: i + 1].sum() - 1 for r, i in _places(bridged)]
    )


def test_nothing_is_bridged_where_no_gap_is_too_wide() -> None:
    found = BlockRows.from_dense(masked(8, 64, 0.3, 2), (1, 4))
    bridged = found.bridged(int(found.skipped.max()))
    assert np.array_equal(bridged.columns, found.columns)
    assert np.array_equal(bridged.counts, found.counts)


def _places(blocks: BlockRows) -> list[tuple[int, int]]:
    return [(row, i) for row, count in enumerate(blocks.counts) for i in range(count)]
