"""Update selection: exact for the table, never worse than evolution, tightened until it fits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.training import scheme
from edge.training.autodiff import differentiate
from edge.training.evolution import evolve
from edge.training.scores import fisher_scores, scheme_of, table
from edge.training.selection import RATIOS, Budget, Choice, Table, evaluate, fit, select
from tests.training.networks import bottleneck, image


def _table(seed: int, layers: int = 12) -> Table:
    """Gains that grow with depth and with the share, as contributions do."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(500, 30000, layers)
    masks = np.cumsum(rng.integers(100, 2000, layers + 1))
    biases = [
        Choice(float(np.sqrt(k) * rng.uniform(0.5, 1)), int(masks[k]), int(1000 * k))
        for k in range(layers + 1)
    ]
    weights = {
        int(i): [
            Choice(float(rng.uniform(0.2, 1) * (i + 1) * float(r) ** 0.5), int(r * sizes[i]),
                   int(r * 5000))
            for r in RATIOS
        ]
        for i in range(0, layers, 2)
    }  # fmt: skip
    return Table(biases, weights)


def _exhaustive(table_: Table, budget: Budget) -> float:
    best = -1.0
    for k in range(len(table_.biases)):
        layers = table_.reachable(k)
        for picked in itertools.product(range(len(RATIOS)), repeat=len(layers)):
            found = evaluate(table_, k, dict(zip(layers, picked, strict=True)))
            if budget.allows(found.bytes, found.work):
                best = max(best, found.gain)
    return best


@pytest.mark.parametrize("work", [None, 12_000])
@pytest.mark.parametrize("seed", range(4))
def test_the_knapsack_is_exact(seed: int, work: int | None) -> None:
    small = _table(seed, layers=8)
    budget = Budget(25_000, work)
    found = select(small, budget)
    assert budget.allows(found.bytes, found.work)
    assert found.gain == pytest.approx(_exhaustive(small, budget))


@pytest.mark.parametrize("seed", range(2))
def test_it_does_not_lose_to_evolution(seed: int) -> None:
    full = _table(seed, layers=42)
    budget = Budget(100_000, 80_000)
    evolved = evolve(full, budget, samples=5000, seed=seed)
    assert budget.allows(evolved.bytes, evolved.work)
    assert select(full, budget).gain >= evolved.gain


def test_a_larger_budget_never_gains_less() -> None:
    full = _table(0)
    gains = [select(full, Budget(size)).gain for size in range(5_000, 100_000, 5_000)]
    assert gains == sorted(gains)


def test_a_budget_that_is_too_small_names_the_smallest() -> None:
    small = _table(1)
    least = min(choice.bytes for choice in small.biases)
    with pytest.raises(EdgeError, match=f"E0304(.|\n)*at least {least} bytes"):
        select(small, Budget(least - 1))


def test_the_additive_budget_shrinks_until_the_plan_fits() -> None:
    full = _table(2)
    fitted = fit(full, Budget(60_000), 60_000, lambda s: s.bytes + 9_000 + s.bias_layers * 100)
    assert fitted.ram <= 60_000
    assert 2 <= fitted.rounds <= 5
    assert fitted.selection.gain > 0.8 * select(full, Budget(60_000)).gain
    with pytest.raises(EdgeError, match=r"E0304(.|\n)*at least"):
        fit(full, Budget(60_000), 1000, lambda s: s.bytes + 9_000)


def test_a_plan_far_above_its_sum_does_not_give_up() -> None:
    full = _table(3)
    fitted = fit(full, Budget(60_000), 60_000, lambda s: 4 * s.bytes)
    assert 40_000 <= fitted.ram <= 60_000


def test_fisher_scores_make_a_scheme_that_can_be_trained() -> None:
    graph = bottleneck()
    scores = fisher_scores(graph, [(image(graph, i), i % 5) for i in range(3)])
    assert all(score > 0 for score in scores.biases.values())
    choices = table(graph, scores.gains(graph))
    found = select(choices, Budget(1500))
    assert found.bytes <= 1500
    assert found.shares
    step = differentiate(graph, scheme_of(graph, found))
    layers = scheme.weighted_layers(graph)
    assert set(step.scheme.biases) == {
        n.name for n in layers[len(layers) - 1 - found.bias_layers :]
    }
