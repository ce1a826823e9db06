"""MobileNetV3-small (Howard et al. 2019), by default with width 0.35 on 96x96 images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from .inverted_residual import Block, InvertedResidualNet
from .seeded import image_network
from .stages import MOBILENET_V3_SMALL, scaled


class MobileNetV3Small(InvertedResidualNet):
    """Input [1, 3, size, size] with a size divisible by 32, output `classes` scores."""

    def __init__(self, width: float = 0.35, classes: int = 10) -> None:
        super().__init__(
            scaled(16, width),
            _blocks(width),
            scaled(576, width),
            classes,
            nn.Hardswish,
            scaled(1024, width),
        )


def _blocks(width: float) -> Iterator[Block]:
    for kernel, expanded, channels, squeezes, swishes, stride in MOBILENET_V3_SMALL:
        hidden = scaled(expanded, width)
        squeezed = scaled(hidden // 4, 1) if squeezes else 0
        act = nn.Hardswish if swishes else nn.ReLU
        yield Block(kernel, hidden, scaled(channels, width), stride, act, squeezed)


def make(
    width: float = 0.35, size: int = 96, classes: int = 10
) -> tuple[nn.Module, tuple[torch.Tensor]]:
    return image_network(lambda: MobileNetV3Small(width, classes), size)
