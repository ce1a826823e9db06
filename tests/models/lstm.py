"""A small LSTM fed one frame a call; hidden and cell values live on in buffers."""

from __future__ import annotations

import torch
from torch import nn

from .seeded import seeded

FEATURES, UNITS, CLASSES = 12, 24, 4


class StreamingLstm(nn.Module):
    """Input [1, 1, 12], output 4 scores."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, UNITS, batch_first=True)
        self.classifier = nn.Linear(UNITS, CLASSES)
        self.register_buffer("hidden", torch.zeros(1, 1, UNITS))
        self.register_buffer("cells", torch.zeros(1, 1, UNITS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, (hidden, cells) = self.lstm(x, (self.hidden, self.cells))
        self.hidden.copy_(hidden)
        self.cells.copy_(cells)
        return self.classifier(hidden[0])


def make() -> tuple[nn.Module, tuple[torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return seeded(StreamingLstm), (torch.randn(1, 1, FEATURES, generator=generator),)
