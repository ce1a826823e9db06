"""MobileNet-v1 (Howard et al. 2017), by default with width 0.25 on 96x96 images."""

from __future__ import annotations

import torch
from torch import nn

from .inverted_residual import convolution
from .seeded import image_network
from .stages import MOBILENET_V1, scaled


class MobileNetV1(nn.Module):
    """Input [1, 3, size, size] with a size divisible by 32, output `classes` scores."""

    def __init__(self, width: float = 0.25, classes: int = 10) -> None:
        super().__init__()
        channels = scaled(32, width)
        layers = [convolution(3, channels, 3, 2)]
        for wide, stride in MOBILENET_V1:
            out = scaled(wide, width)
            layers.append(convolution(channels, channels, 3, stride, channels))
            layers.append(convolution(channels, out, 1))
            channels = out
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


def make(
    width: float = 0.25, size: int = 96, classes: int = 10
) -> tuple[nn.Module, tuple[torch.Tensor]]:
    return image_network(lambda: MobileNetV1(width, classes), size)
