"""Anomaly detection: the fully connected autoencoder of MLPerf Tiny."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from .seeded import seeded


def _layer(in_features: int, features: int) -> list[nn.Module]:
    return [nn.Linear(in_features, features), nn.BatchNorm1d(features), nn.ReLU()]


class Autoencoder(nn.Sequential):
    """Input and output [1, features]."""

    def __init__(self, features: int = 640, hidden: int = 128, code: int = 8) -> None:
        widths = [features, *4 * [hidden], code, *4 * [hidden]]
        layers = [layer for a, b in pairwise(widths) for layer in _layer(a, b)]
        super().__init__(*layers, nn.Linear(hidden, features))


def make() -> tuple[nn.Module, tuple[torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return seeded(Autoencoder), (torch.randn(1, 640, generator=generator),)
