"""VariableNM: groups have allowed counts, the share is kept, and score for each bit decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import EdgeError
from edge.sparsity.layerwise.prune import prune_layerwise
from edge.sparsity.layerwise.recipe import Recipe
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import NM
from edge.sparsity.variable_nm import VariableNM


def _scores(seed: int, outputs: int, inputs: int) -> np.ndarray:
    """Rows and groups that matter more than others."""
    rng = np.random.default_rng(seed)
    sizes = np.repeat(rng.lognormal(0, 1, (outputs, -(-inputs // 16))), 16, axis=1)[:, :inputs]
    return (np.abs(rng.normal(0, 1, (outputs, inputs))) * sizes)[:, None].astype(np.float32)


def _counts(mask: np.ndarray) -> np.ndarray:
    whole = mask.shape[2] // 16 * 16
    return mask[:, 0, :whole].reshape(len(mask), -1, 16).sum(2)


@given(
    st.integers(0, 99), st.integers(1, 9), st.integers(16, 70), st.sampled_from((0, 0.3, 0.5, 0.9))
)
def test_groups_keep_allowed_counts_and_the_best_of_each(seed, outputs, inputs, sparsity):
    scores, pattern = _scores(seed, outputs, inputs), VariableNM()
    mask = pattern.mask(scores, sparsity)
    counts, whole = _counts(mask), inputs // 16 * 16
    assert set(counts.flat) <= set(pattern.n)
    assert mask[:, :, whole:].all()
    most = (1 - sparsity) * whole
    assert (counts.sum(1) > most - 16).all()
    assert (counts.sum(1) <= most + 1e-6).all()
    groups, kept = scores[:, 0, :whole].reshape(-1, 16), mask[:, 0, :whole].reshape(-1, 16)
    assert (np.where(kept, -np.inf, groups).max(1) <= np.where(kept, groups, np.inf).min(1)).all()


def test_it_keeps_more_than_8_of_16_in_as_many_bits():
    scores, pattern = _scores(1, 32, 256), VariableNM()
    uniform, variable = NM(8, 16).mask(scores, 0.5), pattern.mask(scores, 0.4)
    bits = sum(pattern.cost(kept) for kept in _counts(variable).flat)
    assert bits <= uniform.size / 16 * pattern.cost(8)
    assert (scores[~variable] ** 2).sum() < 0.9 * (scores[~uniform] ** 2).sum()


def test_score_for_each_bit_decides():
    """A group that is worth twice as much for each bit grows first."""
    scores = np.ones((1, 1, 32), np.float32)
    scores[:, :, 16:] = 2
    assert _counts(VariableNM().mask(scores, 0.5)).tolist() == [[0, 16]]


class _OneBlock(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.Linear(40, 40)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks[0](x)


def test_the_pattern_has_a_name_and_prunes_layers():
    pattern = parse_pattern("Variable")
    assert pattern == VariableNM()
    torch.manual_seed(0)
    model = _OneBlock()
    report = prune_layerwise(model, Recipe(pattern, 0.5), [torch.randn(64, 40)])
    weight = model.blocks[0].weight
    assert set(_counts((weight != 0).numpy()[:, None]).flat) <= set(pattern.n)
    assert report.layers[0].density == pytest.approx((0.5 * 32 + 8) / 40, abs=0.02)


def test_impossible_settings_are_refused():
    for counts in ((), (2, 0), (0, 17), (-1, 4)):
        with pytest.raises(ValueError, match="cannot be kept"):
            VariableNM(16, counts)
    with pytest.raises(EdgeError, match="E0042"):
        VariableNM().mask(np.ones((4, 1, 12), np.float32), 0.5)
    with pytest.raises(EdgeError, match="E0040"):
        VariableNM().mask(np.ones((4, 1, 16), np.float32), 1.5)
