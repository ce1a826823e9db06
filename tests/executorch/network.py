"""A network that Edge can compile but for one operator in its middle."""

from __future__ import annotations

import torch
from torch import nn
from torch.export import ExportedProgram
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

from edge.quantization.quantizer import EdgeQuantizer


class Mirrored(nn.Module):
    """Input [1, 3, 8, 8]; a convolutional part, a mirror image, another part with a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.middle, self.side = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.last = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first = self.first(x)
        y = torch.flip(first, [3])
        y = torch.relu(self.middle(y)) + self.side(y)
        return self.last(y.mean((2, 3))), first


def quantized() -> tuple[ExportedProgram, torch.Tensor]:
    """The network quantized by EdgeQuantizer, and an input."""
    torch.manual_seed(0)
    example = (torch.randn(1, 3, 8, 8),)
    prepared = prepare_pt2e(
        torch.export.export(Mirrored().eval(), example).module(), EdgeQuantizer()
    )
    for _ in range(8):
        prepared(torch.randn(1, 3, 8, 8))
    return torch.export.export(convert_pt2e(prepared), example), example[0]
