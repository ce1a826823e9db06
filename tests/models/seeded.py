"""Untrained weights that behave like trained ones: activations keep a healthy range."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A module in evaluation mode with weights and batch statistics from a fixed seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = make()
        for child in module.modules():
            _initialize(child)
    return module.eval()


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.normal_(module.bias, std=0.1)
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        nn.init.uniform_(module.weight, 0.7, 1.3)
        nn.init.normal_(module.bias, std=0.2)
        nn.init.normal_(module.running_mean, std=0.2)
        nn.init.uniform_(module.running_var, 0.7, 1.5)


def image_network(
    make: Callable[[], nn.Module], size: int
) -> tuple[nn.Module, tuple[torch.Tensor]]:
    """The seeded module and one example: an image of size x size, [1, 3, size, size]."""
    generator = torch.Generator().manual_seed(1)
    return seeded(make), (torch.randn(1, 3, size, size, generator=generator),)
