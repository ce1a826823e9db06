"""Pairs of inputs for 4 outputs: complete, each once, and as few as the mask allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.sparsity.column_pairs import CROSSED, EIGHT, FOUR, WINDOWS, ColumnPairs, Window
from edge.sparsity.pattern_names import parse_pattern

Int8s = np.ndarray


def dense(pairs: ColumnPairs, window: Window, shape: tuple[int, int]) -> Int8s:
    """int8[shape] again; a place that is filled twice adds up."""
    groups = np.repeat(np.arange(len(pairs.counts)), pairs.counts)
    channels = pairs.data.shape[1]
    found = np.zeros(
        (shape[0] // channels, channels, window.count(shape[1]) * window.inputs), np.int64
    )
    inputs = np.array(window.pairs)[pairs.places % len(window.pairs)]
    inputs += (pairs.places // len(window.pairs) * window.inputs)[:, None]
    for side in (0, 1):
        np.add.at(found, (groups, slice(None), inputs[:, side]), pairs.data[:, :, side])
    assert not found[:, :, shape[1] :].any()
    return found[:, :, : shape[1]].reshape(shape)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(WINDOWS),
    st.tuples(st.integers(1, 5), st.integers(1, 9)),
    st.sampled_from((0.0, 0.1, 0.5, 1.0)),
    st.integers(0, 2**32 - 1),
)
def test_pairs_hold_every_weight_once(
    window: Window, units: tuple[int, int], share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = 4 * units[0], 4 * units[1]
    rows = rng.integers(-128, 128, shape).astype(np.int8) * (rng.random(shape) < share)
    rows = rows.astype(np.int8)
    for channels in (1, 4):
        pairs = ColumnPairs.from_dense(rows, window, channels)
        assert (dense(pairs, window, shape) == rows).all()
        assert (window.counts(rows, channels) == pairs.counts).all()
    even = pairs.evened()
    assert (dense(even, window, shape) == rows).all()
    assert not (even.counts % 2).any()
    assert window.steps(rows) == even.counts.sum() // 2


@pytest.mark.parametrize(("window", "count"), [(FOUR, 6), (CROSSED, 16), (EIGHT, 28)])
def test_windows_have_their_pairs(window: Window, count: int) -> None:
    assert len({frozenset(pair) for pair in window.pairs}) == len(window.pairs) == count


@pytest.mark.parametrize(
    ("pattern", "window", "pairs"),
    [("2:4x4", FOUR, 16), ("1:4x4", CROSSED, 8), ("2:8x4", EIGHT, 8), ("4:8x4", EIGHT, 16)],
)
def test_n_of_m_shared_by_four_takes_no_pair_too_many(
    pattern: str, window: Window, pairs: int
) -> None:
    scores = np.random.default_rng(3).random((16, 1, 64), np.float32)
    chosen = parse_pattern(pattern)
    n, m = (int(number) for number in pattern.removesuffix("x4").split(":"))
    rows = chosen.mask(scores, 1 - n / m)[:, 0].astype(np.int8)
    assert ColumnPairs.from_dense(rows, window).counts.tolist() == [pairs] * 4
