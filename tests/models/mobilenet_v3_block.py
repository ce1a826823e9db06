"""Blocks of MobileNetV3-small (Howard et al. 2019): hard-swish and squeeze-and-excitation."""

from __future__ import annotations

import torch
from torch import nn

from .seeded import seeded


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.relu = nn.ReLU()
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(self.expand(self.relu(self.reduce(self.pool(x)))))


class Bottleneck(nn.Module):
    def __init__(self, channels: int, hidden: int, kernel: int, act: type[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            act(),
            nn.Conv2d(hidden, hidden, kernel, padding=kernel // 2, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            act(),
            SqueezeExcitation(hidden, hidden // 4),
            nn.Conv2d(hidden, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class MobileNetV3Block(nn.Module):
    """Input [1, 3, 24, 24], output 10 scores."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.act = nn.Hardswish()
        self.blocks = nn.Sequential(
            Bottleneck(16, 48, 3, nn.ReLU), Bottleneck(16, 64, 5, nn.Hardswish)
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Linear(16, 32), nn.Hardswish(), nn.Linear(32, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.act(self.stem(x)))
        return self.classifier(torch.flatten(self.pool(x), 1))


def make() -> tuple[nn.Module, tuple[torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return seeded(MobileNetV3Block), (torch.randn(1, 3, 24, 24, generator=generator),)
