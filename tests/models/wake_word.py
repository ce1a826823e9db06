"""A wake-word network: causal depthwise-separable convolutions over rows of 40 log-mel features.

One sees a whole recording; the streaming one is fed one row of 20 ms a call and keeps
the last rows of the input of each layer in buffers.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .seeded import seeded

FEATURES, CHANNELS, CLASSES = 40, 32, 3
_KERNELS = (5, 9, 9)  # rows under each depthwise convolution


class _Window(nn.Module):
    """The rows that a causal convolution sees: of the recording, or the last ones of a stream."""

    def __init__(self, channels: int, rows: int, streaming: bool) -> None:
        super().__init__()
        self.before, self.streaming = rows - 1, streaming
        if streaming:
            self.register_buffer("rows", torch.zeros(1, channels, rows - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.streaming:
            return functional.pad(x, (self.before, 0))
        window = torch.cat([self.rows, x], dim=2)
        self.rows.copy_(window[:, :, 1:])
        return window


class _Separable(nn.Module):
    def __init__(self, channels: int, rows: int, streaming: bool) -> None:
        super().__init__()
        self.window = _Window(channels, rows, streaming)
        self.depthwise = nn.Conv1d(channels, channels, rows, groups=channels)
        self.pointwise = nn.Conv1d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.relu(self.pointwise(torch.relu(self.depthwise(self.window(x)))))


class WakeWord(nn.Module):
    """Input [1, 40, rows], output the scores [1, 3, rows]; one row a call if streaming."""

    def __init__(self, streaming: bool) -> None:
        super().__init__()
        self.window = _Window(FEATURES, 3, streaming)
        self.stem = nn.Conv1d(FEATURES, CHANNELS, 3)
        self.blocks = nn.Sequential(*(_Separable(CHANNELS, rows, streaming) for rows in _KERNELS))
        self.head = nn.Conv1d(CHANNELS, CLASSES, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(torch.relu(self.stem(self.window(x)))))


def causal() -> nn.Module:
    """The network over a whole recording."""
    return seeded(lambda: WakeWord(False))


def make() -> tuple[nn.Module, tuple[torch.Tensor]]:
    """The same weights, row by row."""
    generator = torch.Generator().manual_seed(1)
    return seeded(lambda: WakeWord(True)), (torch.randn(1, FEATURES, 1, generator=generator),)
