"""The network: depthwise-separable convolutions over log-mel rows, causal in time.

Trained on whole clips; deployed a few rows a call, with the last rows of each layer's input as
states. Both have the same parameters under the same names.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from apps.mcu.keyword.mixing import CLASSES

BANDS = 20
STEP_ROWS = 4
"""Feature rows of a call: 80 ms."""


class _Shape(NamedTuple):
    """A convolution over (rows, bands): channels it makes, kernel and strides."""

    channels: int
    rows: int
    bands: int
    row_stride: int = 1
    band_stride: int = 1


STEM = _Shape(40, rows=6, bands=4, row_stride=2, band_stride=2)
BLOCKS = (
    _Shape(64, rows=4, bands=3, row_stride=2, band_stride=2),
    _Shape(64, rows=3, bands=3),
    _Shape(64, rows=3, bands=3),
    _Shape(64, rows=3, bands=3),
)


class _Window(nn.Module):
    """The rows under a causal convolution: padded for a clip, kept between calls in a stream."""

    def __init__(self, shape: _Shape, channels: int, width: int, streaming: bool) -> None:
        super().__init__()
        self.before, self.streaming = shape.rows - shape.row_stride, streaming
        if streaming:
            self.register_buffer("rows", torch.zeros(1, channels, self.before, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.streaming:
            return functional.pad(x, (0, 0, self.before, 0))
        window = torch.cat([self.rows, x], dim=2)
        self.rows.copy_(window[:, :, window.shape[2] - self.before :])
        return window


def _convolution(shape: _Shape, inputs: int, channels: int, groups: int = 1) -> nn.Sequential:
    kernel, stride = (shape.rows, shape.bands), (shape.row_stride, shape.band_stride)
    padding = (0, (shape.bands - 1) // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )


class _Block(nn.Module):
    def __init__(self, inputs: int, width: int, shape: _Shape, streaming: bool) -> None:
        super().__init__()
        self.window = _Window(shape, inputs, width, streaming)
        self.depthwise = _convolution(shape, inputs, inputs, groups=inputs)
        self.pointwise = _convolution(_Shape(shape.channels, 1, 1), inputs, shape.channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pointwise(self.depthwise(self.window(x)))


class KeywordNetwork(nn.Module):
    """Input [N, 1, rows, BANDS], output scores [N, classes, rows / STEP_ROWS].

    A streaming one takes STEP_ROWS rows a call and gives [1, classes].
    """

    def __init__(self, streaming: bool = False) -> None:
        super().__init__()
        self.streaming = streaming
        self.window = _Window(STEM, 1, BANDS, streaming)
        self.stem = _convolution(STEM, 1, STEM.channels)
        width, channels, blocks = BANDS // STEM.band_stride, STEM.channels, []
        for shape in BLOCKS:
            blocks.append(_Block(channels, width, shape, streaming))
            width, channels = width // shape.band_stride, shape.channels
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, len(CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.stem(self.window(x)))
        if self.streaming:
            return self.head(x.mean(dim=(2, 3)))
        return self.head(x.mean(dim=3).transpose(1, 2)).transpose(1, 2)


def parameters(network: nn.Module) -> int:
    """Weights and biases that the int8 network has: batch normalization folds into them."""
    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    return sum(layer.weight.numel() + layer.weight.shape[0] for layer in layers)


def streaming_network(trained: KeywordNetwork) -> KeywordNetwork:
    """The same network, STEP_ROWS rows a call."""
    network = KeywordNetwork(streaming=True)
    network.load_state_dict(trained.state_dict(), strict=False)
    return network.eval()
