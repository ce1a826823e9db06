"""Layer-wise pruning: exact masks, solvers against their definition, the papers' orderings."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from edge.errors import EdgeError
from edge.sparsity.layerwise.dsnot import dsnot
from edge.sparsity.layerwise.prune import prune_layerwise
from edge.sparsity.layerwise.recipe import METHODS, Recipe, prune_weight
from edge.sparsity.layerwise.refit import refit
from edge.sparsity.layerwise.row_masks import keep_mask
from edge.sparsity.layerwise.scores import wanda_score
from edge.sparsity.layerwise.statistics import InputStatistics
from edge.sparsity.low_rank import GroupSums
from edge.sparsity.pattern_names import parse_pattern
from tests.models.stories260k import load_stories, mean_nll, needs_stories, real_texts, sampled


def _layer(seed: int = 0, out: int = 24, inputs: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """A weight and correlated inputs of unequal size, with a mean."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(inputs, inputs, generator=generator)
    spread = torch.randn(inputs, generator=generator).exp()
    mean = torch.randn(inputs, generator=generator)
    x = (torch.randn(500, inputs, generator=generator) @ mix + mean) * spread
    return torch.randn(out, inputs, generator=generator), x


def _statistics(*parts: torch.Tensor) -> InputStatistics:
    statistics = InputStatistics.empty(parts[0].shape[-1])
    for part in parts:
        statistics.add(part)
    return statistics


def _output_error(weight: torch.Tensor, other: torch.Tensor, x: torch.Tensor) -> float:
    return float(((x @ (other - weight).T) ** 2).mean())


def test_statistics_of_parts_add_up_to_those_of_the_whole():
    _, x = _layer()
    whole, parts = _statistics(x), _statistics(x[:100], x[100:].view(4, 100, -1))
    assert all(
        torch.allclose(a, b, rtol=1e-12) for a, b in zip(whole.sums, parts.sums, strict=True)
    )
    assert torch.allclose(whole.mean, x.mean(0), atol=1e-5)
    assert torch.allclose(whole.variance, x.var(0), rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("pattern", "share"), [("unstructured", 0.6), ("2:4", None), ("2:4x4", None), ("1x4", 0.5)]
)
def test_every_method_leaves_exactly_what_the_pattern_allows(method, pattern, share):
    weight, x = _layer()
    recipe = Recipe(parse_pattern(pattern), share, method)
    kept = prune_weight(weight, _statistics(x), recipe) != 0
    assert kept.float().mean() == pytest.approx(1 - recipe.share, abs=2 / weight.numel())
    if pattern == "2:4" and method != "dsnot":
        assert (kept.view(24, 10, 4).sum(-1) == 2).all()
    if pattern == "2:4x4" and method != "dsnot":
        assert (kept.view(6, 4, 40) == kept.view(6, 4, 40)[:, :1]).all()
    if pattern == "unstructured" and method != "sparsegpt":
        assert (kept.sum(1) == 16).all()


def test_inputs_beyond_the_last_whole_group_stay():
    kept = keep_mask(torch.rand(3, 10), parse_pattern("2:4"), 0.5)
    assert kept[:, 8:].all()
    assert (kept[:, :8].view(3, 2, 4).sum(-1) == 2).all()
    shared = keep_mask(torch.rand(3, 10), parse_pattern("2:4x2"), 0.5)
    assert shared[2].all()
    assert (shared[0] == shared[1]).all()
    assert (shared[:2, :8].view(2, 2, 4).sum(-1) == 2).all()


def test_refit_solves_least_squares_of_the_kept_weights():
    """The oracle is torch.linalg.lstsq on the data itself, without damping."""
    weight, x = _layer()
    kept = keep_mask(weight.abs(), parse_pattern("unstructured"), 0.5)
    fitted = refit(weight, kept, _statistics(x), how="exact", damp=0.0)
    for row in range(3):
        columns = kept[row].nonzero().flatten()
        solution = torch.linalg.lstsq(x[:, columns], (x @ weight[row])[:, None]).solution[:, 0]
        assert torch.allclose(fitted[row, columns], solution, atol=2e-3)
    assert not fitted[~kept].any()


def test_conjugate_gradients_agree_with_the_exact_refit():
    weight, x = _layer()
    kept = keep_mask(weight.abs(), parse_pattern("2:4"), 0.5)
    exact, near = (refit(weight, kept, _statistics(x), how=how) for how in ("exact", "cg"))
    plain = _output_error(weight, weight * kept, x)
    assert _output_error(weight, near, x) < 1.05 * _output_error(weight, exact, x) < plain


def test_repairing_methods_change_outputs_less_than_masks_alone():
    weight, x = _layer()
    errors = {
        name: _output_error(weight, prune_weight(weight, _statistics(x), recipe), x)
        for name, recipe in {
            "magnitude": Recipe(parse_pattern("2:4"), None, "magnitude", "none"),
            "wanda": Recipe(parse_pattern("2:4"), None, "wanda", "none"),
            "sparsegpt": Recipe(parse_pattern("2:4"), None, "sparsegpt"),
            "refit": Recipe(parse_pattern("2:4"), None, "wanda", "exact"),
        }.items()
    }
    assert errors["magnitude"] > errors["wanda"] > errors["sparsegpt"] > 0
    assert errors["wanda"] > errors["refit"]


def test_dsnot_halves_the_expected_error_with_as_many_weights():
    weight, x = _layer(inputs=128)
    statistics = _statistics(x)
    kept = keep_mask(wanda_score(weight, statistics), parse_pattern("unstructured"), 0.6)
    swapped = dsnot(weight, kept, statistics)

    def expected(mask: torch.Tensor) -> float:
        return float(((weight * ~mask) @ statistics.mean).abs().mean())

    assert (swapped.sum(1) == kept.sum(1)).all()
    assert expected(swapped) <= 0.5 * expected(kept)


def test_a_dead_input_is_no_trouble():
    weight, x = _layer()
    x[:, 3] = 0
    for method in METHODS:
        pruned = prune_weight(weight, _statistics(x), Recipe(parse_pattern("2:4"), None, method))
        assert pruned.isfinite().all()


def test_group_sums_give_back_what_constant_inputs_lost():
    linear = nn.Linear(12, 3)
    removed = linear.weight.detach() * (torch.arange(12) % 2 == 0)
    x = torch.randn(2, 3).repeat_interleave(5, 1)[:, :12]
    wanted = linear(x)
    with torch.no_grad():
        linear.weight.sub_(removed)
    assert torch.allclose(GroupSums(linear, removed, group=5)(x), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"method": "obd"}, "E0041"),
        ({"refit": "twice"}, "E0041"),
        ({"sparsity": None}, "E0040"),
        ({"sparsity": 1.0}, "E0040"),
    ],
)
def test_bad_recipes_say_what_would_work(settings, code):
    with pytest.raises(EdgeError) as caught:
        Recipe(**{"pattern": parse_pattern("unstructured"), "sparsity": 0.5, **settings})
    assert caught.value.diagnostics[0].code == code
    assert caught.value.diagnostics[0].help


def test_a_model_without_blocks_is_refused():
    with pytest.raises(EdgeError, match="E0064"):
        prune_layerwise(nn.Linear(4, 4), Recipe(parse_pattern("2:4")), [torch.zeros(1, 4)])


@needs_stories
def test_orderings_on_a_real_language_model():
    """gpu.md's table at 2:4: magnitude > Wanda > SparseGPT > refit, each near its figure."""
    torch.set_num_threads(1)
    dense, texts = load_stories(), real_texts()
    base = mean_nll(dense, texts)
    calibration = sampled(dense, 32, 256).split(16)
    ways = {
        "magnitude": ("magnitude", "none", 3.486),
        "wanda": ("wanda", "none", 2.85),
        "sparsegpt": ("sparsegpt", "none", 2.25),
        "refit": ("wanda", "auto", 2.14),
    }
    losses = {}
    for name, (method, how, published) in ways.items():
        model = copy.deepcopy(dense)
        prune_layerwise(model, Recipe(parse_pattern("2:4"), None, method, how), calibration)
        losses[name] = mean_nll(model, texts) - base
        assert losses[name] == pytest.approx(published, rel=0.1)
    values = list(losses.values())
    assert values == sorted(values, reverse=True)
