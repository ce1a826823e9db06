"""The structure of MCUNet-5FPS (Lin et al. 2020) as a float network with seeded weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from .inverted_residual import Block, InvertedResidualNet
from .seeded import image_network
from .stages import MCUNET_5FPS

_STEM = 16


class MCUNet(InvertedResidualNet):
    """Input [1, 3, size, size] with a size divisible by 32, output `classes` scores."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__(_STEM, _blocks(), 0, classes)


def _blocks() -> Iterator[Block]:
    for hidden, kernel, stride, channels in MCUNET_5FPS:
        yield Block(kernel, hidden or _STEM, channels, stride)


def make(size: int = 128, classes: int = 10) -> tuple[nn.Module, tuple[torch.Tensor]]:
    return image_network(lambda: MCUNet(classes), size)
