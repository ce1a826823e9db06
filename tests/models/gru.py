"""Keyword spotting with a gated recurrent unit over 49 frames of 10 features."""

from __future__ import annotations

import torch
from torch import nn

from .seeded import seeded

FRAMES, FEATURES, UNITS, CLASSES = 49, 10, 64, 12


class KeywordGru(nn.Module):
    """Input [1, 49, 10], output 12 class scores, from the hidden values after the last frame."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(FEATURES, UNITS, batch_first=True)
        self.classifier = nn.Linear(UNITS, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, last = self.gru(x)
        return self.classifier(last[0])


class StreamingGru(nn.Module):
    """The same, fed one frame [1, 1, 10] a call: scores after every frame."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(FEATURES, UNITS, batch_first=True)
        self.classifier = nn.Linear(UNITS, CLASSES)
        self.register_buffer("hidden", torch.zeros(1, 1, UNITS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, last = self.gru(x, self.hidden)
        self.hidden.copy_(last)
        return self.classifier(last[0])


def make(streaming: bool = False) -> tuple[nn.Module, tuple[torch.Tensor]]:
    """The network with seeded weights, over whole words or frame by frame."""
    generator = torch.Generator().manual_seed(1)
    frames = 1 if streaming else FRAMES
    module = seeded(StreamingGru if streaming else KeywordGru)
    return module, (torch.randn(1, frames, FEATURES, generator=generator),)
