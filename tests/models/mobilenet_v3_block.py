"""Blocks of MobileNetV3-small (Howard et al. 2019): hard-swish and squeeze-and-excitation."""

from __future__ import annotations

import torch
from torch import nn

from .inverted_residual import Block, InvertedResidual
from .seeded import image_network


class MobileNetV3Block(nn.Module):
    """Input [1, 3, 24, 24], output 10 scores."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.act = nn.Hardswish()
        self.blocks = nn.Sequential(
            InvertedResidual(16, Block(3, 48, 16, act=nn.ReLU, squeezed=12)),
            InvertedResidual(16, Block(5, 64, 16, act=nn.Hardswish, squeezed=16)),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Linear(16, 32), nn.Hardswish(), nn.Linear(32, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.act(self.stem(x)))
        return self.classifier(torch.flatten(self.pool(x), 1))


def make() -> tuple[nn.Module, tuple[torch.Tensor]]:
    return image_network(MobileNetV3Block, 24)
