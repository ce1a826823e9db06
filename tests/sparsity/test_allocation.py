"""Allocation: the whole has the sparsity asked for, divided as each way says."""

from __future__ import annotations

import numpy as np
import pytest

import edge
from edge.errors import EdgeError
from edge.sparsity.allocation.budgeted import Choice, least_cost, least_loss, options
from edge.sparsity.allocation.by_reuse import by_reuse
from edge.sparsity.allocation.erk import erk
from edge.sparsity.allocation.global_threshold import global_threshold
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.widening import iso_flop_factor, widened
from edge.target import load_target
from tests.models import dscnn

SHAPES = {"small": (16, 9, 16), "large": (256, 9, 256), "linear": (10, 1, 256)}
KERNELS = {"small": (3, 3), "large": (3, 3)}


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 0.9])
def test_erk_keeps_the_mean_and_prunes_large_layers_more(sparsity: float) -> None:
    found = erk(SHAPES, KERNELS, sparsity)
    sizes = {name: np.prod(shape) for name, shape in SHAPES.items()}
    mean = sum(found[name] * sizes[name] for name in SHAPES) / sum(sizes.values())
    assert abs(mean - sparsity) < 1e-9
    assert found["large"] >= found["small"] >= 0
    assert all(0 <= share < 1 for share in found.values())


def test_a_global_threshold_prunes_what_matters_less() -> None:
    rng = np.random.default_rng(0)
    scores = {"weak": rng.random((16, 1, 16)), "strong": 10 + rng.random((16, 1, 16))}
    found = global_threshold(scores, parse_pattern("1x4"), 0.25)
    assert found == {"weak": 0.5, "strong": 0.0}


def test_a_global_threshold_leaves_every_layer_something() -> None:
    scores = {"weak": np.zeros((16, 1, 16)), "strong": np.ones((16, 1, 16))}
    assert global_threshold(scores, parse_pattern("1x4"), 0.6)["weak"] == 0.95


WEIGHTS, POSITIONS = {"early": 100, "late": 1600}, {"early": 144, "late": 9}


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.7, 0.9])
@pytest.mark.parametrize("exponent", [0.0, 0.25, 1.0])
def test_reuse_keeps_the_mean_and_prunes_many_positions_more(
    sparsity: float, exponent: float
) -> None:
    found = by_reuse(WEIGHTS, POSITIONS, sparsity, exponent)
    removed = sum(WEIGHTS[name] * found[name] for name in WEIGHTS)
    assert abs(removed / 1700 - sparsity) < 1e-4
    assert found["early"] >= found["late"] - 1e-6
    if exponent == 0:
        assert abs(found["early"] - sparsity) < 1e-4


LINES = {
    "cheap to prune": [Choice(0, 0, 100), Choice(0.5, 1, 60), Choice(0.9, 5, 20)],
    "dear to prune": [Choice(0, 0, 100), Choice(0.5, 10, 60), Choice(0.9, 30, 20)],
}


def test_the_budget_is_met_with_the_least_loss() -> None:
    assert least_loss(LINES, 160) == {"cheap to prune": 0.5, "dear to prune": 0}
    assert least_loss(LINES, 120) == {"cheap to prune": 0.9, "dear to prune": 0}
    assert least_loss(LINES, 80) == {"cheap to prune": 0.9, "dear to prune": 0.5}


def test_the_least_cost_for_a_loss() -> None:
    assert least_cost(LINES, 6) == {"cheap to prune": 0.9, "dear to prune": 0}
    assert least_cost(LINES, 0.5) == {"cheap to prune": 0, "dear to prune": 0}


def test_a_budget_that_no_sparsity_reaches_is_refused() -> None:
    with pytest.raises(EdgeError, match="E0050"):
        least_loss(LINES, 39)


def test_costs_are_those_of_the_targets_planner() -> None:
    calibration = np.random.default_rng(0).standard_normal((2, 1, 49, 10)).astype(np.float32)
    graph = edge.quantize(dscnn.make(), calibration, progress=False)
    folders = load_target("cortex-m7").kernels
    found = options(graph, folders, parse_pattern("1x4"), grid=(0.0, 0.5, 0.9))
    assert len(found) == 5
    costs = [[choice.cost for choice in choices] for choices in found.values()]
    assert all(dense >= half > sparse for dense, half, sparse in costs)
    whole = sum(dense for dense, *_ in costs)
    chosen = least_loss(found, 0.7 * whole)
    assert any(chosen.values())


def test_widening_keeps_the_arithmetic() -> None:
    assert iso_flop_factor(0.75) == 2
    assert widened(32, 0.75) == 64
    assert widened(10, 0.5) == 16  # 14.1, to a multiple of 4
    with pytest.raises(EdgeError, match="E0040"):
        iso_flop_factor(1.0)
