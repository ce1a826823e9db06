"""ResNet-18 (He et al. 2016, table 1), by default with width 0.25 on 64x64 images."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .seeded import image_network

_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # channels, stride of the first of two blocks


def _normalized(in_channels: int, channels: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
    )


class BasicBlock(nn.Module):
    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = _normalized(in_channels, channels, 3, stride)
        self.second = _normalized(channels, channels, 3, 1)
        same = stride == 1 and in_channels == channels
        self.shortcut = nn.Identity() if same else _normalized(in_channels, channels, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.second(functional.relu(self.first(x)))
        return functional.relu(y + self.shortcut(x))


class ResNet18(nn.Module):
    """Input [1, 3, size, size] with a size divisible by 32, output `classes` scores."""

    def __init__(self, width: float = 0.25, classes: int = 10) -> None:
        super().__init__()
        channels = int(64 * width)
        self.stem = nn.Sequential(
            _normalized(3, channels, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)
        )
        blocks: list[nn.Module] = []
        for wide, first in _STAGES:
            for stride in (first, 1):
                blocks.append(BasicBlock(channels, int(wide * width), stride))
                channels = int(wide * width)
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.blocks(self.stem(x)).mean((2, 3)))


def make(
    width: float = 0.25, size: int = 64, classes: int = 10
) -> tuple[nn.Module, tuple[torch.Tensor]]:
    return image_network(lambda: ResNet18(width, classes), size)
