"""Exports with an npm package: int8, float with two inputs and outputs, with memory, training,
and activations of seven bits, for which engines with relaxed SIMD have kernels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

import edge
from edge.workflow.train import export_training, train_plan
from tests.models import wake_word
from tests.models.int8_nets import residual_net
from tests.training.networks import bottleneck

TARGET = "wasm32"
KINDS = ("int8", "floats", "stream", "training", "seven")


class TwoByTwo(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sum_ = torch.relu(self.first(x)) + y
        return sum_, self.second(sum_)


def floats() -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """The module and its example inputs."""
    return TwoByTwo().eval(), (torch.zeros(1, 6), torch.zeros(1, 4))


def _pointwise() -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 1), nn.ReLU())
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 5)).eval()


def write(kind: str, out: Path) -> Path:
    """Export a model and give the folder of its npm package."""
    if kind == "int8":
        edge.export(residual_net(), TARGET, out, name="digits_net", package=["npm"])
    elif kind == "floats":
        edge.export(floats(), TARGET, out, name="two", precision="fp32", package=["npm"])
    elif kind == "stream":
        module, example = wake_word.make()
        rows = np.random.default_rng(0).standard_normal((24, *example[0].shape[1:]))
        edge.export((module, example), TARGET, out, list(rows[:, None].astype(np.float32)),
                    name="wake", package=["npm"], progress=False)  # fmt: skip
    elif kind == "seven":
        images = np.random.default_rng(0).random((8, 1, 12, 12)).astype(np.float32)
        edge.export((_pointwise(), (torch.zeros(1, 1, 12, 12),)), TARGET, out, images,
                    name="seven", activation_bits=7, package=["npm"], progress=False)  # fmt: skip
    else:
        plan = train_plan(bottleneck(), TARGET, scheme="last-1", learning_rate=0.05)
        export_training(bottleneck(), TARGET, out, train=plan, name="learner", package=["npm"])
    return out / "npm"
