"""Networks of inverted residual blocks (Sandler et al. 2018): what mobile networks are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import nn

from .stages import scaled

Act = Callable[[], nn.Module]


def convolution(
    in_channels: int,
    channels: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    act: Act = nn.ReLU6,
) -> nn.Sequential:
    """Convolution with padding kernel // 2, batch normalization and activation."""
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        act(),
    )


class SqueezeExcitation(nn.Module):
    """Scales channels by a gate made from their means (Hu et al. 2018; Howard et al. 2019)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.relu = nn.ReLU()
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(self.expand(self.relu(self.reduce(self.pool(x)))))


class Block(NamedTuple):
    """One inverted residual.

    `hidden` channels inside (those of the input: no expansion), `squeezed` channels of its
    squeeze-and-excitation (0: none).
    """

    kernel: int
    hidden: int
    channels: int
    stride: int = 1
    act: Act = nn.ReLU6
    squeezed: int = 0


class InvertedResidual(nn.Module):
    def __init__(self, in_channels: int, block: Block) -> None:
        super().__init__()
        kernel, hidden, channels, stride, act, squeezed = block
        self.residual = stride == 1 and in_channels == channels
        expand = [convolution(in_channels, hidden, 1, act=act)] if hidden != in_channels else []
        self.layers = nn.Sequential(
            *expand,
            convolution(hidden, hidden, kernel, stride, groups=hidden, act=act),
            *([SqueezeExcitation(hidden, squeezed)] if squeezed else []),
            nn.Conv2d(hidden, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


def repeated(
    stages: Iterable[tuple[int, int, int, int, int]], in_channels: int, width: float
) -> list[Block]:
    """Blocks of rows (kernel, expansion, channels, repeats, stride of the first)."""
    blocks = []
    for kernel, expansion, channels, repeats, first in stages:
        out = scaled(channels, width)
        for index in range(repeats):
            stride = first if index == 0 else 1
            blocks.append(Block(kernel, in_channels * expansion, out, stride))
            in_channels = out
    return blocks


class InvertedResidualNet(nn.Module):
    """Input [1, 3, size, size], output `classes` scores.

    A stem of `stem` channels with stride 2, the blocks, a pointwise convolution to `features`
    channels (0: none), their means, `hidden` fully connected features (0: none) and the classes.
    """

    def __init__(
        self,
        stem: int,
        blocks: Iterable[Block],
        features: int,
        classes: int,
        act: Act = nn.ReLU6,
        hidden: int = 0,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [convolution(3, stem, 3, stride=2, act=act)]
        channels = stem
        for block in blocks:
            layers.append(InvertedResidual(channels, block))
            channels = block.channels
        if features:
            layers.append(convolution(channels, features, 1, act=act))
        self.features = nn.Sequential(*layers)
        channels = features or channels
        head = [nn.Linear(channels, hidden), act()] if hidden else []
        self.classifier = nn.Sequential(
            *head, nn.Dropout(0.2), nn.Linear(hidden or channels, classes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).mean((2, 3)))
