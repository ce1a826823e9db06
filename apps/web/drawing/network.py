"""The network: separable blocks on 28 x 28 pixels, then one linear layer that goes on learning."""

from __future__ import annotations

from torch import nn

FEATURES = 128
SPARE = 4  # classes that nothing has been taught yet


def _normed(layer: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU6())


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    depthwise = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
    return nn.Sequential(_normed(depthwise), _normed(nn.Conv2d(inputs, outputs, 1, bias=False)))


def features() -> nn.Sequential:
    """[N, 1, 28, 28] -> [N, 128]."""
    return nn.Sequential(
        _normed(nn.Conv2d(1, 32, 3, 2, 1, bias=False)),
        _block(32, 64),
        _block(64, 128, stride=2),
        _block(128, 128),
        _block(128, FEATURES),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def network(classes: int) -> nn.Sequential:
    """Features and head."""
    return nn.Sequential(features(), nn.Linear(FEATURES, classes))
