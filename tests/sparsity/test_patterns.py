"""Patterns: exact counts, the best units stay, and misfits are named."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import EdgeError
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import NM, Block, KernelPattern, require_fit

TEXTS = (
    "unstructured", "1x4", "2x2", "4x1", "4x4", "2x16", "4x8", "2:4", "2:4x4", "kernel", "channel",
)  # fmt: skip


def _scores(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.mark.parametrize("text", TEXTS)
def test_parsing_and_printing_are_inverse(text: str) -> None:
    assert str(parse_pattern(text)) == text


@pytest.mark.parametrize(
    "text", ["", "0x4", "4x", "4:2", "4:4", "2:0", "blocks", "-1x4", "1x4x4", "2:4x0"]
)
def test_other_texts_are_refused_with_the_forms(text: str) -> None:
    with pytest.raises(EdgeError, match="E0041") as refused:
        parse_pattern(text)
    assert any("AxB" in line for line in refused.value.diagnostics[0].help)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([(1, 4), (2, 2), (4, 1), (4, 4), (2, 16)]),
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 3)),
    st.floats(0, 0.999),
)
def test_blocks_are_removed_whole_and_counted_exactly(
    sides: tuple[int, int], units: tuple[int, int, int], sparsity: float
) -> None:
    block = Block(*sides)
    scores = _scores(units[0] * block.out, units[1], units[2] * block.into)
    blocks = block.blocks(block.mask(scores, sparsity))
    whole = blocks.all(axis=(3, 4))
    assert (whole == blocks.any(axis=(3, 4))).all()
    assert (~whole).sum() == min(int(sparsity * whole.size + 0.5), whole.size - 1)


def test_the_blocks_of_largest_sum_stay() -> None:
    scores = np.zeros((2, 1, 8), np.float32)
    scores[0, 0, :4], scores[1, 0, 4] = 0.3, 1.0  # sums 1.2, 0, 0, 1.0
    expected = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]], bool)
    assert (Block(1, 4).mask(scores, 0.5)[:, 0] == expected).all()


def test_n_of_m_keeps_the_n_largest_of_every_group() -> None:
    scores = _scores(8, 9, 16)
    groups = scores.reshape(-1, 4)
    kept = NM(2, 4).mask(scores, 0.5).reshape(-1, 4)
    assert (kept.sum(axis=1) == 2).all()
    assert (np.where(kept, groups, 2).min(1) >= np.where(kept, -1, groups).max(1)).all()


def test_n_of_m_grows_group_by_group() -> None:
    kept = NM(1, 4).mask(_scores(8, 1, 32), 0.3).reshape(-1, 4).sum(axis=1)
    assert set(kept.tolist()) == {1, 4}
    assert (kept == 1).sum() == round(0.3 / 0.75 * 64)


@pytest.mark.parametrize(("n", "m", "rows"), [(2, 4, 4), (1, 4, 4), (2, 8, 2)])
def test_outputs_that_share_n_of_m_keep_the_inputs_of_largest_sum(
    n: int, m: int, rows: int
) -> None:
    scores = _scores(8, 3, 16)
    kept = NM(n, m, rows).mask(scores, 1 - n / m).reshape(-1, rows, 3, 16)
    assert (kept == kept[:, :1]).all()
    sums, chosen = scores.reshape(kept.shape).sum(1).reshape(-1, m), kept[:, 0].reshape(-1, m)
    assert (chosen.sum(axis=1) == n).all()
    assert (np.where(chosen, sums, 9).min(1) >= np.where(chosen, -1, sums).max(1)).all()


def test_sharing_needs_whole_groups_of_outputs() -> None:
    with pytest.raises(EdgeError, match="E0042") as refused:
        require_fit(NM(2, 4, 4), (6, 1, 8), "head")
    assert "6 output channels" in str(refused.value)


def test_kernel_patterns_use_few_sets_of_one_size() -> None:
    kept = KernelPattern(sets=4).mask(_scores(32, 9, 4), 0.5).transpose(0, 2, 1).reshape(-1, 9)
    assert (kept.sum(axis=1) == 4).all()
    assert 1 < len(np.unique(kept, axis=0)) <= 4


def test_neighbouring_outputs_share_a_kernel_pattern() -> None:
    kept = parse_pattern("kernelx16").mask(_scores(48, 9, 1), 5 / 9).reshape(3, 16, 9)
    assert (kept == kept[:, :1]).all()
    assert (kept.sum(axis=2) == 4).all()
    with pytest.raises(EdgeError, match="E0042") as refused:
        require_fit(parse_pattern("kernelx16"), (24, 9, 1), "blocks.1.depthwise")
    assert "24 output channels" in str(refused.value)


def test_channels_are_removed_whole() -> None:
    kept = parse_pattern("channel").mask(_scores(8, 9, 4), 0.25).reshape(8, -1)
    assert sorted(kept.sum(axis=1).tolist()) == [0, 0, 36, 36, 36, 36, 36, 36]


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_is_removed_at_zero(text: str) -> None:
    assert parse_pattern(text).mask(_scores(16, 9, 16), 0).all()


@pytest.mark.parametrize("sparsity", [-0.1, 1, 1.5, float("nan")])
def test_sparsity_is_from_zero_to_below_one(sparsity: float) -> None:
    with pytest.raises(EdgeError, match="E0040"):
        Block(1, 4).mask(_scores(4, 1, 8), sparsity)


def test_a_pattern_that_does_not_fit_names_the_layer_and_what_fits() -> None:
    with pytest.raises(EdgeError, match="E0042") as refused:
        require_fit(parse_pattern("4x4"), (6, 9, 12), "blocks.0.conv")
    assert "blocks.0.conv" in str(refused.value)
    assert "2x4 fits" in str(refused.value)


def test_two_of_four_removes_half_at_most() -> None:
    with pytest.raises(EdgeError, match="at most"):
        NM(2, 4).mask(_scores(4, 1, 8), 0.6)


def test_patterns_import_without_torch() -> None:
    code = "import sys, edge.sparsity.patterns; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
