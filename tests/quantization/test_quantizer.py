"""EdgeQuantizer in the PT2E flow: what is stored as int8, and with which scales."""

from __future__ import annotations

import operator
import subprocess
import sys

import pytest
import torch
from torch import nn

from edge.quantization.quantizer import EdgeQuantizer
from tests.models import dscnn, mobilenet_v3_block, resnet8
from tests.quantization.pt2e import imported, quantized, trained

IMAGE = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Mixed(nn.Module):
    """Every way in which the quantizer treats an operator."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.classifier = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        a, b = x.chunk(2, 1)
        x = torch.cat((b, a), 1) + self.depthwise(x)
        x = torch.cat((nn.functional.max_pool2d(x, 2), nn.functional.avg_pool2d(x, 2)), 1)
        return self.classifier(x.mean((2, 3))).softmax(1)


def scales_by_operator(module) -> dict[str, list[tuple[float, int]]]:
    """(scale, zero point) of each quantized result, by the operator in front of it."""
    found: dict[str, list[tuple[float, int]]] = {}
    for node in module.graph.nodes:
        if "quantize_per_tensor" in str(node.target) and "de" not in node.name[:2]:
            source = node.args[0]
            name = source.op if source.op == "placeholder" else str(source.target)
            found.setdefault(name, []).append((node.args[1], node.args[2]))
    return found


@pytest.fixture(scope="module")
def mixed():
    torch.manual_seed(3)
    return quantized(Mixed(), IMAGE, EdgeQuantizer())


def test_convolution_batch_norm_and_relu_are_stored_once(mixed):
    scales = scales_by_operator(mixed)
    assert len(scales["aten.relu.default"]) == 1
    assert len(scales["aten.conv2d.default"]) == 1  # the depthwise one, which has no relu


def test_weights_are_symmetric_per_channel(mixed):
    weights = [n for n in mixed.graph.nodes if "dequantize_per_channel" in str(n.target)]
    assert len(weights) == 3
    for node in weights:
        stored, scale, zero_point = (getattr(mixed, argument.target) for argument in node.args[:3])
        assert node.args[3:6] == (0, -127, 127)
        assert stored.dtype == torch.int8
        assert scale.shape == (stored.shape[0],)
        assert not zero_point.any()
        assert stored.abs().amax(dim=tuple(range(1, stored.ndim))).eq(127).all()


def test_moves_keep_the_scale_of_their_input(mixed):
    scales = scales_by_operator(mixed)
    (relu,) = scales["aten.relu.default"]
    assert scales[str(operator.getitem)] == [relu, relu]
    (sum_,) = scales["aten.add.Tensor"]
    assert scales["aten.max_pool2d.default"] == [sum_]


def test_members_of_a_concat_share_one_scale(mixed):
    scales = scales_by_operator(mixed)
    assert scales["aten.avg_pool2d.default"] == scales["aten.max_pool2d.default"]
    assert scales["aten.avg_pool2d.default"][0] in scales["aten.cat.default"]


def test_softmax_has_the_fixed_scale(mixed):
    assert scales_by_operator(mixed)["aten.softmax.int"] == [(1 / 256, -128)]


@pytest.mark.parametrize("network", [dscnn, resnet8, mobilenet_v3_block])
def test_every_stored_value_of_a_network_is_quantized(network):
    module, (example,) = network.make()
    graph = imported(quantized(module, example, EdgeQuantizer()), example)
    for node in graph.nodes:
        readers = graph.consumers[node.output]
        stored = not any(r.op == "unary" and r.attrs["function"] == "relu" for r in readers)
        if node.op not in ("quantize", "dequantize") and stored:
            assert [reader.op for reader in readers] == ["quantize"], node.name


@pytest.mark.slow
def test_quantization_aware_training_ends_in_the_same_form():
    torch.manual_seed(3)
    graph = imported(trained(Mixed(), IMAGE, EdgeQuantizer(qat=True)), IMAGE)
    reference = imported(quantized(Mixed(), IMAGE, EdgeQuantizer()), IMAGE)
    assert sorted(n.op for n in graph.nodes) == sorted(n.op for n in reference.nodes)


def test_importing_the_quantizer_prints_nothing():
    command = [sys.executable, "-c", "import edge.quantization.quantizer"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
