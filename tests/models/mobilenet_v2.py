"""MobileNetV2 (Sandler et al. 2018, table 2) with width 0.35 on 96x96 images."""

from __future__ import annotations

import torch
from torch import nn

from .seeded import seeded

# expansion, channels at width 1, repeats, stride of the first
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def scaled(channels: int, width: float, divisor: int = 8) -> int:
    """Channels times width, rounded to a multiple of 8 but not down by more than a tenth."""
    rounded = max(divisor, int(channels * width + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels * width else rounded


def _conv(
    in_channels: int, channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    def __init__(self, in_channels: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.residual = stride == 1 and in_channels == channels
        self.layers = nn.Sequential(
            *([_conv(in_channels, hidden, 1)] if expansion > 1 else []),
            _conv(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNetV2(nn.Module):
    """Input [1, 3, size, size] with a size divisible by 32, output `classes` scores."""

    def __init__(self, width: float = 0.35, classes: int = 10, features: int = 1280) -> None:
        super().__init__()
        channels = scaled(32, width)
        layers: list[nn.Module] = [_conv(3, channels, 3, stride=2)]
        for expansion, out, repeats, first_stride in _STAGES:
            for index in range(repeats):
                stride = first_stride if index == 0 else 1
                layers.append(InvertedResidual(channels, scaled(out, width), stride, expansion))
                channels = scaled(out, width)
        layers.append(_conv(channels, features, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(features, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


def make() -> tuple[nn.Module, tuple[torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return seeded(MobileNetV2), (torch.randn(1, 3, 96, 96, generator=generator),)
