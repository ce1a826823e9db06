"""The networks of the sparsity study, both on Fashion-MNIST at 24 x 24, and what is pruned in each.

MobileNet-v1-class: see fashion_mobilenet.py. ResNet-8: the residual network of MLPerf Tiny with a
stem of stride 2 for one colour, about 2 M multiply-accumulates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from edge.sparsity.layers import Layer
from tests.bench.fashion_mobilenet import mobilenet
from tests.models.resnet8 import Block


@dataclass(frozen=True)
class Network:
    """How a network is made, and which of its layers are pruned."""

    make: Callable[[], nn.Module]
    pruned: Callable[[Layer], bool]


class ResNet8(nn.Module):
    """Input [N, 1, 24, 24], output 10 scores."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.pool(self.blocks(self.stem(x))).flatten(1))


def _pointwise(layer: Layer) -> bool:
    return layer.weight.shape[2:] == (1, 1)


def _convolution_of_channels(layer: Layer) -> bool:
    """Every convolution but the stem, which has one input channel."""
    return layer.weight.dim() == 4 and layer.weight.shape[1] > 1


NETWORKS = {
    "mobilenet": Network(mobilenet, _pointwise),
    "resnet8": Network(ResNet8, _convolution_of_channels),
}
