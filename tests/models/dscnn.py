"""Keyword spotting: a depthwise-separable CNN on 49 frames of 10 MFCCs (Zhang et al. 2017)."""

from __future__ import annotations

import torch
from torch import nn

from .seeded import seeded


def _separable(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )


class DSCNN(nn.Module):
    """Input [1, 1, 49, 10], output 12 class scores."""

    def __init__(self, channels: int = 64, blocks: int = 4, classes: int = 12) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, channels, (10, 4), stride=2, padding=(5, 1), bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.blocks = nn.Sequential(*(_separable(channels) for _ in range(blocks)))
        self.dropout = nn.Dropout(0.4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.dropout(self.blocks(self.stem(x)))
        return self.classifier(self.pool(x).flatten(1))


def make() -> tuple[nn.Module, tuple[torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return seeded(DSCNN), (torch.randn(1, 1, 49, 10, generator=generator),)
