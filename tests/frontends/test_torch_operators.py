"""Single operators and short chains, each against torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from edge.passes.pipeline import FLOAT_PASSES, run_passes
from tests.frontends.torch_oracle import assert_computes, check_import, noise, operators


class Compute(nn.Module):
    """A module around a function."""

    def __init__(self, function: Callable[..., torch.Tensor | tuple[torch.Tensor, ...]]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        return self.function(*inputs)


IMAGE = (1, 6, 8, 10)
ROW = (1, 24)
SEQUENCE = (1, 6, 9)

FUNCTIONS = {
    "relu": torch.relu,
    "relu6": functional.relu6,
    "hardtanh": functional.hardtanh,
    "clamp from zero": lambda x: x.clamp(min=0),
    "clamp to six": lambda x: x.clamp(0, 6),
    "hardswish": functional.hardswish,
    "hardsigmoid": functional.hardsigmoid,
    "leaky relu": lambda x: functional.leaky_relu(x, 0.2),
    "gelu": functional.gelu,
    "gelu tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "elu": functional.elu,
    "prelu": lambda x: functional.prelu(x, torch.full((1,), 0.3)),
    "cast to what it is": lambda x: x.float().to(torch.float32) + 0,
    "exp": torch.exp,
    "sqrt of abs": lambda x: torch.sqrt(torch.abs(x)),
    "log of square": lambda x: torch.log(x**2 + 1),
    "rsqrt": lambda x: torch.rsqrt(torch.square(x) + 1),
    "negate": lambda x: -x,
    "dropout": lambda x: functional.dropout(x, 0.5, training=False) + 0,
    "softmax of channels": lambda x: x.softmax(1),
    "softmax of the last": lambda x: x.softmax(-1),
    "add number": lambda x: x + 1.5,
    "subtract number": lambda x: x - 1.5,
    "subtract from number": lambda x: 1.5 - x,
    "multiply by number": lambda x: x * 3,
    "divide by number": lambda x: x / 3,
    "add itself": lambda x: x + x,
    "in-place chain": lambda x: (x * 2).relu_().add_(1),
    "chunk and concat": lambda x: torch.cat(tuple(reversed(x.chunk(2, 1))), 1),
    "split": lambda x: torch.cat((x.split((1, 4, x.shape[1] - 5), 1)[1], x), 1),
    "slice with step": lambda x: x[:, 1:-1:2],
    "narrow": lambda x: x.narrow(1, 2, 3),
    "select": lambda x: x[:, 2],
    "unbind": lambda x: x.unbind(1)[3] + 0,
    "unused results": lambda x: x.chunk(3, 1)[0] + 0,
    "flatten": lambda x: x.flatten(1),
    "transpose": lambda x: x.transpose(1, -1) * 2,
    "squeeze and unsqueeze": lambda x: x.unsqueeze(1).squeeze(1) + 1,
    "constants are folded": lambda x: x + torch.ones(x.shape[1:]).cumsum(-1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_of_an_image(name):
    check_import(Compute(FUNCTIONS[name]), noise(*IMAGE))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_of_a_row(name):
    check_import(Compute(FUNCTIONS[name]), noise(*ROW))


IMAGE_FUNCTIONS = {
    "mean of height and width": lambda x: x.mean((2, 3)),
    "mean of height and width kept": lambda x: x.mean((2, 3), keepdim=True),
    "mean of channels": lambda x: x.mean(1),
    "mean of width": lambda x: x.mean(-1),
    "average pool": lambda x: functional.avg_pool2d(x, 3, 2, 1),
    "average pool without padding": lambda x: functional.avg_pool2d(
        x, 3, 2, 1, count_include_pad=False
    ),
    "average pool with a ceiling that changes nothing": lambda x: functional.avg_pool2d(
        x, 2, ceil_mode=True
    ),
    "max pool": lambda x: functional.max_pool2d(x, 3, 2, 1),
    "max pool of a row": lambda x: functional.max_pool2d(x, (1, 5), 1, (0, 2)),
    "adaptive pool to one": lambda x: functional.adaptive_avg_pool2d(x, 1),
    "adaptive pool to a divisor": lambda x: functional.adaptive_avg_pool2d(x, (4, 5)),
    "adaptive pool to the same": lambda x: functional.adaptive_avg_pool2d(x, (8, 10)) * 2,
    "nearest by factor": lambda x: functional.interpolate(x, scale_factor=2),
    "nearest to size": lambda x: functional.interpolate(x, size=(5, 7)),
    "bilinear": lambda x: functional.interpolate(x, size=(11, 7), mode="bilinear"),
    "bilinear, aligned corners": lambda x: functional.interpolate(
        x, scale_factor=2, mode="bilinear", align_corners=True
    ),
    "pad": lambda x: functional.pad(x, (1, 2, 3, 0), value=0.5),
    "pad of channels": lambda x: functional.pad(x, (0, 0, 0, 0, 1, 2)),
    "channels times a gate": lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(),
    "gate made by a view": lambda x: x * x.mean((2, 3)).sigmoid().view(1, 6, 1, 1),
    "broadcast of a row": lambda x: x + x[0, 0, 0],
    "concat of height": lambda x: torch.cat((x, x * 2), 2),
    "tokens": lambda x: x.flatten(2).transpose(1, 2).softmax(-1),
    "channel shuffle": lambda x: x.view(1, 2, 3, 8, 10).transpose(1, 2).reshape(1, 6, 8, 10) + 0,
    "space to depth": lambda x: (
        x.view(1, 6, 4, 2, 5, 2).permute(0, 1, 3, 5, 2, 4).reshape(1, 24, 4, 5) * 2
    ),
    "channels last and back": lambda x: x.permute(0, 2, 3, 1).relu().permute(0, 3, 1, 2) + x,
    "two outputs": lambda x: (x.relu(), x.flatten(1).tanh()),
    "flatten of several views": lambda x: x.reshape(1, 2, -1).reshape(-1, 8, 10) + 1,
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGE_FUNCTIONS)
def test_function_of_height_and_width(name):
    check_import(Compute(IMAGE_FUNCTIONS[name]), noise(*IMAGE))


MODULES = {
    "string padding": nn.Conv2d(6, 4, (4, 2), padding="same", dilation=(1, 3)),
    "no padding": nn.Conv2d(6, 4, 3, padding="valid", bias=False),
    "zero-padded by a mode": nn.Conv2d(6, 4, 3, padding=1, padding_mode="zeros"),
    "groups": nn.Conv2d(6, 9, 3, groups=3),
    "depthwise": nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6),
    "depthwise with multiplier": nn.Conv2d(6, 18, 3, groups=6),
    "batch norm alone": nn.BatchNorm2d(6),
    "batch norm without parameters": nn.BatchNorm2d(6, affine=False),
    "flatten and linear": nn.Sequential(nn.Flatten(), nn.Linear(480, 3)),
    "relu between flatten and linear": nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(480, 3)),
    "linear of width": nn.Linear(10, 4),
}


@pytest.mark.parametrize("name", MODULES)
def test_module_on_an_image(name):
    graph = check_import(MODULES[name], noise(*IMAGE))
    assert_computes(run_passes(graph, FLOAT_PASSES, check=True), MODULES[name], noise(*IMAGE))


SEQUENCE_MODULES = {
    "conv1d": nn.Conv1d(6, 4, 3, stride=2, padding=1),
    "depthwise conv1d": nn.Conv1d(6, 6, 3, padding="same", groups=6),
    "conv1d, batch norm, relu": nn.Sequential(nn.Conv1d(6, 4, 3), nn.BatchNorm1d(4), nn.ReLU()),
    "pools": nn.Sequential(nn.MaxPool1d(3, 2), nn.AvgPool1d(2)),
    "classifier": nn.Sequential(
        nn.Conv1d(6, 4, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 2)
    ),
    "linear of every step": nn.Linear(9, 5),
    "flatten": nn.Sequential(nn.Conv1d(6, 4, 3), nn.Flatten(), nn.Linear(28, 2)),
}


@pytest.mark.parametrize("name", SEQUENCE_MODULES)
def test_module_on_a_sequence(name):
    check_import(SEQUENCE_MODULES[name], noise(*SEQUENCE))


def test_two_inputs_of_different_rank_broadcast_as_in_torch():
    check_import(Compute(lambda a, b: a * b), noise(1, 6, 8, 10), noise(1, 8, 1, seed=1))
    check_import(Compute(lambda a, b: a - b), noise(1, 8, 10), noise(1, 6, 8, 10, seed=1))


def test_flatten_before_linear_leaves_no_transpose():
    graph = check_import(MODULES["flatten and linear"], noise(*IMAGE))
    assert "transpose" in operators(graph)
    assert operators(run_passes(graph, FLOAT_PASSES)) == ["reshape", "linear"]


def test_flatten_of_one_position_moves_nothing():
    module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    assert operators(check_import(module, noise(*IMAGE))) == ["mean", "reshape", "linear"]


def test_channel_axis_added_to_a_map_moves_nothing():
    module = nn.Sequential(nn.Unflatten(1, (1, 6)), nn.Conv2d(1, 2, 3))
    assert set(operators(check_import(module, noise(*SEQUENCE)))) == {"reshape", "conv2d"}


def test_permute_to_channels_last_and_back_is_free():
    function = IMAGE_FUNCTIONS["channels last and back"]
    assert operators(check_import(Compute(function), noise(*IMAGE))) == ["unary", "add"]


def test_weight_used_by_two_layers_is_stored_once():
    layer = nn.Linear(24, 24)
    graph = check_import(nn.Sequential(layer, nn.ReLU(), layer), noise(*ROW))
    assert len({node.inputs[1] for node in graph.nodes if node.op == "linear"}) == 1


def test_matrix_products_with_constants_are_linear():
    weight = nn.Parameter(noise(24, 5))
    module = Compute(lambda x: x @ weight)
    module.weight = weight
    assert operators(check_import(module, noise(*ROW))) == ["linear"]
