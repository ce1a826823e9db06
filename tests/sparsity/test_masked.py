"""Masks on torch modules: they hold under any optimizer, travel in state dicts, export as zeros."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

import edge
from edge.errors import EdgeError
from edge.sparsity.criteria import CRITERIA
from edge.sparsity.layers import weighted_layers
from edge.sparsity.masked import attach, bake, masks, set_masks, sparse_layers, sparsity_of
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.schedules.cubic import Cubic
from edge.sparsity.schedules.one_shot import OneShot
from edge.sparsity.schedules.schedule import prune_layers, seeded

PATTERN = parse_pattern("1x4")


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU(),
        nn.Conv2d(8, 16, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 8),
    )  # fmt: skip


X, Y = torch.randn(32, 1, 8, 8, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 8


def _step(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(X), Y).backward()
    optimizer.step()


def test_a_pattern_takes_the_layers_it_fits_but_no_depthwise_ones() -> None:
    assert [sparse.name for sparse in attach(_network(), PATTERN, 0.5)] == ["5", "7", "10"]
    tall = attach(_network(), parse_pattern("4x1"), 0.5)
    assert [sparse.name for sparse in tall] == ["0", "5", "7", "10"]
    kernels = attach(_network(), parse_pattern("kernel"), 0.5)
    assert [sparse.name for sparse in kernels] == ["0", "3", "7"]


@pytest.mark.parametrize("make", [
    lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.1), torch.optim.AdamW,
    torch.optim.Adagrad,
])  # fmt: skip
def test_removed_weights_stay_zero_under_any_optimizer(
    make: Callable[..., torch.optim.Optimizer],
) -> None:
    network = _network()
    attach(network, PATTERN, 0.5)
    OneShot().begin(network, 1)
    before = {
        name: layer.weight.detach().clone() for name, layer in weighted_layers(network).items()
    }
    optimizer = make(network.parameters())
    for _ in range(3):
        _step(network, optimizer)
    for sparse in sparse_layers(network):
        assert (sparse.layer.weight[~sparse.masked.mask] == 0).all()
        assert (sparse.layer.weight != before[sparse.name]).any()
    assert sparsity_of(network)["5"] == 0.5


def test_masks_travel_in_the_state_dict() -> None:
    network, other = _network(), _network()
    attach(network, PATTERN, 0.5)
    OneShot("random", seed=3).begin(network, 1)
    attach(other, PATTERN, 0.5)
    other.load_state_dict(network.state_dict())
    assert all(torch.equal(mask, masks(other)[name]) for name, mask in masks(network).items())


def test_baked_weights_are_plain_and_compute_the_same() -> None:
    network = _network().eval()
    attach(network, PATTERN, 0.7)
    OneShot().begin(network, 1)
    expected = network(X)
    assert torch.equal(bake(network)(X), expected)
    assert set(network.state_dict()) == set(_network().state_dict())
    assert abs(sparsity_of(network)["7"] - 0.7) < 0.01


@pytest.mark.parametrize("baked", [False, True])
def test_zeros_are_the_same_in_the_imported_graph(baked: bool) -> None:
    network = _network().eval()
    attach(network, PATTERN, 0.5)
    OneShot().begin(network, 1)
    expected = network[7].weight.detach().permute(0, 2, 3, 1).numpy().copy()
    if baked:
        bake(network)
    graph = edge.load((network, (X[:1],))).graph
    node = [node for node in graph.nodes if node.op == "conv2d"][-1]
    assert np.array_equal(graph.constant(node.inputs[1]), expected)


def test_sparsity_grows_along_the_cubic_curve_and_ends_exact() -> None:
    network = _network()
    attach(network, PATTERN, 0.75)
    schedule, seen = Cubic(end_at=0.5, every=1), []
    for step in range(40):
        schedule.gradients_ready(network, step, 40)
        seen.append(sparsity_of(network)["7"])
    assert seen[0] == 0
    assert all(a <= b for a, b in pairwise(seen))
    assert abs(seen[10] - 0.75 * (1 - (9 / 19) ** 3)) < 0.02
    assert seen[19] == seen[-1] == 0.75


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_prunes_to_the_same_count(name: str) -> None:
    network = _network()
    attach(network, PATTERN, 0.5)
    nn.functional.cross_entropy(network(X), Y).backward()
    prune_layers(network, name, seeded(0))
    assert all(sparsity_of(network)[sparse.name] == 0.5 for sparse in sparse_layers(network))


def test_gradient_criteria_ask_for_gradients() -> None:
    network = _network()
    attach(network, PATTERN, 0.5)
    with pytest.raises(EdgeError, match="E0045"):
        prune_layers(network, "taylor", seeded(0))


def test_an_unknown_layer_is_named_with_those_like_it() -> None:
    with pytest.raises(EdgeError, match="no layer '11'") as refused:
        attach(_network(), PATTERN, {"11": 0.5})
    assert "10" in refused.value.diagnostics[0].help[0]


def test_a_layer_that_the_pattern_does_not_fit_is_named() -> None:
    with pytest.raises(EdgeError, match="pattern 1x4 does not fit 0") as refused:
        attach(_network(), PATTERN, {"5": 0.5, "0": 0.5})
    assert "1x1 fits" in refused.value.diagnostics[0].help[0]


def test_a_mask_of_the_wrong_shape_is_refused_with_the_right_one() -> None:
    network = _network()
    attach(network, PATTERN, 0.5)
    with pytest.raises(EdgeError, match="E0044") as refused:
        set_masks(network, {"5": torch.ones(16, 8)})
    assert "[16, 8, 1, 1]" in refused.value.diagnostics[0].help[0]


@pytest.mark.parametrize("sparsity", [1.0, -0.5, 2.0])
def test_an_impossible_sparsity_changes_nothing(sparsity: float) -> None:
    network = _network()
    with pytest.raises(EdgeError, match="E0040"):
        attach(network, PATTERN, sparsity)
    assert not sparse_layers(network)


def test_layers_of_an_exported_module_can_be_masked() -> None:
    network = _network().eval()
    traced = torch.export.export(network, (X,)).module()
    assert [s.name for s in attach(traced, PATTERN, 0.5)] == ["5", "7", "10"]
    OneShot().begin(traced, 1)
    attach(network, PATTERN, 0.5)
    OneShot().begin(network, 1)
    assert torch.equal(traced(X), network(X))
