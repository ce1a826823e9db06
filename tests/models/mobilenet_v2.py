"""MobileNetV2 (Sandler et al. 2018), by default with width 0.35 on 96x96 images."""

from __future__ import annotations

import torch
from torch import nn

from .inverted_residual import InvertedResidualNet, repeated
from .seeded import image_network
from .stages import MOBILENET_V2, scaled


class MobileNetV2(InvertedResidualNet):
    """Input [1, 3, size, size] with a size divisible by 32, output `classes` scores."""

    def __init__(self, width: float = 0.35, classes: int = 10, features: int = 1280) -> None:
        stem = scaled(32, width)
        super().__init__(stem, repeated(MOBILENET_V2, stem, width), features, classes)


def make(
    width: float = 0.35, size: int = 96, classes: int = 10
) -> tuple[nn.Module, tuple[torch.Tensor]]:
    return image_network(lambda: MobileNetV2(width, classes), size)
