"""A small decoder: a code is spread by transposed convolutions into an image."""

from __future__ import annotations

import torch
from torch import nn

from .seeded import seeded


class Decoder(nn.Sequential):
    """Input [1, channels, 6, 6], output [1, 1, 24, 24] in (0, 1)."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__(
            nn.ConvTranspose2d(channels, 12, 3, stride=2, padding=1, output_padding=1),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(12, 8, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 1, 1),
            nn.Sigmoid(),
        )


def make() -> tuple[nn.Module, tuple[torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return seeded(Decoder), (torch.randn(1, 16, 6, 6, generator=generator),)
