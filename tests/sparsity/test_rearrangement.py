"""Rearrangement: the function stays, and every layer keeps more of its magnitude."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import edge
from edge import reference
from edge.errors import EdgeError
from edge.ir import Graph
from edge.sparsity.masked import attach
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.rearrangement.module import rearrange_module
from edge.sparsity.rearrangement.rearrange import rearrange, retained
from edge.sparsity.rearrangement.search import Best, Blocks, swap_search
from edge.sparsity.rearrangement.spaces import channel_spaces
from edge.sparsity.weights import weight_scores
from tests.models import dscnn, resnet8


class Joined(nn.Module):
    """A concatenation, a flattened image, a channel multiplier, a residual around a depthwise."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.left, self.right = nn.Conv2d(16, 8, 1), nn.Conv2d(16, 24, 3, padding=1)
        self.depthwise = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.scale = nn.Parameter(torch.rand(1, 32, 1, 1) + 0.5)
        self.mix = nn.Conv2d(32, 16, 1)
        self.grouped = nn.Conv2d(16, 16, 1, groups=2)
        self.head = nn.Linear(16 * 4, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x))
        x = torch.cat([torch.relu(self.left(x)), self.right(x)], 1)
        x = (self.depthwise(x) + x) * self.scale
        x = self.grouped(torch.relu(self.mix(x)))
        return self.head(nn.functional.avg_pool2d(x, 4).flatten(1))


def _joined() -> tuple[nn.Module, tuple[torch.Tensor]]:
    torch.manual_seed(0)
    return Joined().eval(), (torch.randn(1, 3, 8, 8),)


MODELS = {"joined": _joined, "resnet8": resnet8.make, "dscnn": dscnn.make}


def _outputs(graph: Graph) -> np.ndarray:
    shape = graph.type(graph.inputs[0]).shape
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    return reference.run(graph, [x])[graph.outputs[0]]


@pytest.mark.parametrize("pattern", ["1x4", "2:4", "2:4x4", "4x4"])
@pytest.mark.parametrize("model", MODELS)
def test_the_function_stays_and_no_layer_keeps_less(model: str, pattern: str) -> None:
    graph = edge.load(MODELS[model]()).graph
    chosen = parse_pattern(pattern)
    arranged = rearrange(graph, chosen, 0.5).applied(graph)
    before, after = _outputs(graph), _outputs(arranged)
    assert np.abs(before - after).max() <= 1e-5 * max(np.abs(before).max(), 1)
    kept = [_kept(g, pattern) for g in (graph, arranged)]
    assert all(kept[1][name] >= kept[0][name] for name in kept[0])
    assert sum(kept[1].values()) > sum(kept[0].values())


def _kept(graph: Graph, pattern: str) -> dict[str, float]:
    chosen, found = parse_pattern(pattern), {}
    for layer in channel_spaces(graph).layers:
        scores = weight_scores(graph, layer.weight)
        if chosen.misfit(scores.shape) is None:
            found[layer.weight] = retained(scores, chosen.mask(scores, 0.5))
    return found


def test_every_layer_of_a_separable_network_gains_at_half_1x4() -> None:
    graph = edge.load(dscnn.make()).graph
    arranged = rearrange(graph, parse_pattern("1x4"), 0.5).applied(graph)
    before, after = _kept(graph, "1x4"), _kept(arranged, "1x4")
    assert len(before) == 5
    assert all(after[name] > before[name] + 0.01 for name in before)


def test_spaces_are_tied_through_residuals_and_pinned_at_the_ends() -> None:
    graph = edge.load(resnet8.make()).graph
    spaces = channel_spaces(graph)
    axes = spaces.axes
    assert axes["conv.weight", 0] == axes["blocks.0.conv2.weight", 0]
    assert axes["conv.weight", 0] == axes["blocks.1.shortcut.weight", 3]
    assert axes["blocks.1.conv2.weight", 0] == axes["blocks.1.shortcut.weight", 0]
    assert axes["conv.weight", 3][0] not in spaces.sizes
    assert axes["classifier.weight", 0][0] not in spaces.sizes


def test_a_rearranged_module_is_the_same_function_and_trains_on() -> None:
    module, inputs = _joined()
    module.train(False)
    before = module(*inputs)
    rearrange_module(module, inputs, parse_pattern("1x4"), {"mix": 0.5, "right": 0.5})
    assert torch.allclose(module(*inputs), before, atol=1e-5)
    attach(module, parse_pattern("1x4"), 0.5)
    module(*inputs).sum().backward()
    assert all(p.grad is not None for p in module.parameters())


def test_int8_graphs_keep_their_bits(tmp_path: object) -> None:
    module, inputs = dscnn.make()
    graph = edge.quantize((module, inputs), [torch.randn(8, 1, 49, 10).numpy()], progress=False)
    arranged = rearrange(graph, parse_pattern("1x4"), 0.5).applied(graph)
    shape = graph.type(graph.inputs[0]).shape
    x = np.random.default_rng(0).integers(-128, 128, shape).astype(np.int8)
    outputs = [reference.run(g, [x])[g.outputs[0]] for g in (graph, arranged)]
    assert np.array_equal(*outputs)
    assert any(
        not np.array_equal(graph.constant(n), arranged.constant(n))
        for n in graph.values if graph.is_constant(n)
    )  # fmt: skip


def test_masked_weights_are_refused_before_anything_changes() -> None:
    module, inputs = _joined()
    attach(module, parse_pattern("1x4"), 0.5)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(EdgeError, match="E0049"):
        rearrange_module(module, inputs, parse_pattern("1x4"), 0.5)
    assert all(torch.equal(t, before[name]) for name, t in module.state_dict().items())


def test_patterns_without_an_order_are_refused() -> None:
    graph = edge.load(dscnn.make()).graph
    with pytest.raises(EdgeError, match="E0048"):
        rearrange(graph, parse_pattern("unstructured"), 0.5)


def test_the_search_finds_blocks_that_were_scattered() -> None:
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.random((16, 8)) < 0.5, 4, axis=1).astype(np.float32)
    scattered = scores[:, rng.permutation(32)]
    order = swap_search([Blocks(scattered, 4, 0.5, scores.sum())], 32)
    kept = [np.sort(s.reshape(-1, 4).sum(1))[-64:].sum() for s in (scattered, scattered[:, order])]
    assert kept[0] < 0.75 * scores.sum()
    assert kept[1] > 0.8 * scores.sum()


def test_the_gain_of_a_swap_is_what_the_groups_keep_more() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random((6, 16)).astype(np.float32)
    ordered = np.sort(scores.reshape(6, 4, 4), axis=2)[..., 2:].sum()
    gains = Best(scores, 4, 2, 1.0).gains(3)
    for other in range(16):
        swapped = scores.copy()
        swapped[:, [3, other]] = swapped[:, [other, 3]]
        kept = np.sort(swapped.reshape(6, 4, 4), axis=2)[..., 2:].sum()
        assert abs(kept - ordered - gains[other]) < 1e-4
