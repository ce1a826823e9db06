"""Zero stays zero: through calibration, PT2E and quantization-aware training."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import edge
from edge.ir import Graph
from edge.quantization.quantizer import EdgeQuantizer
from edge.sparsity.masked import attach, bake
from edge.sparsity.patterns import Block
from edge.sparsity.schedules.one_shot import OneShot
from edge.sparsity.weights import as_matrix
from edge.sparsity.zeros import freeze_zeros
from tests.quantization.pt2e import imported, quantized, samples, trained

X = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
BLOCK = Block(1, 4)


def _pruned() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 8),
    )  # fmt: skip
    attach(network, BLOCK, 0.5)
    OneShot().begin(network, 1)
    return network


def _zero_blocks(graph: Graph) -> list[float]:
    """The share of blocks without a weight, by layer that has channels for blocks."""
    weights = [
        as_matrix(graph.constant(node.inputs[1]))
        for node in graph.nodes if node.op in ("conv2d", "linear")
    ]  # fmt: skip
    return [
        float((BLOCK.blocks(w) == 0).all(axis=(3, 4)).mean())
        for w in weights if BLOCK.misfit(w.shape) is None
    ]  # fmt: skip


def test_through_post_training_quantization() -> None:
    calibration = torch.cat(samples(X, 8)).numpy()
    graph = edge.quantize((_pruned().eval(), (X,)), calibration, progress=False)
    assert _zero_blocks(graph) == [0.5, 0.5]


def test_through_pt2e() -> None:
    graph = imported(quantized(bake(_pruned()), X, EdgeQuantizer()), X)
    assert _zero_blocks(edge.quantize(graph)) == [0.5, 0.5]


def test_through_quantization_aware_training() -> None:
    """Batch norms are folded before: torchao takes most of a minute to find them."""

    class Freezing(EdgeQuantizer):
        """Freezes when the model is ready to train, as a user would after preparing."""

        def validate(self, model: torch.fx.GraphModule) -> None:
            super().validate(model)
            assert freeze_zeros(model) > 0

    network = bake(_pruned()).eval()
    for at in (0, 3):
        fused = fuse_conv_bn_eval(network[at], network[at + 1])
        network[at], network[at + 1] = fused, nn.Identity()
    graph = imported(trained(network.train(), X, Freezing()), X)
    assert _zero_blocks(edge.quantize(graph)) == [0.5, 0.5]


def test_a_row_without_weights_survives_an_observers_smallest_scale() -> None:
    network = bake(_pruned())
    with torch.no_grad():
        network[8].weight[3] = 0
        network[8].bias[3] = 2.5
    graph = edge.quantize(imported(quantized(network, X, EdgeQuantizer()), X))
    linear = graph.nodes[-1] if graph.nodes[-1].op == "linear" else graph.nodes[-2]
    bias, weight = (graph.values[name] for name in (linear.inputs[2], linear.inputs[1]))
    assert (weight.data[3] == 0).all()
    scale = graph.type(linear.inputs[0]).quantization.scale[0] * weight.type.quantization.scale[3]
    assert abs(bias.data[3] * scale - 2.5) < 1e-3
