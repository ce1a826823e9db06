"""Normalization layers that learn in place, with what they were before."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from edge.tuning.deltas import Delta


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a normalization; models bring classes of their own, such as RMSNorm."""
    return type(module).__name__.endswith("Norm")


class TunedNorms:
    """Weights and biases that learn from where they are, by name."""

    def __init__(self, model: nn.Module, names: Iterable[str]) -> None:
        self._weights: dict[str, nn.Parameter] = {}
        for name in names:
            for leaf, parameter in model.get_submodule(name).named_parameters(recurse=False):
                parameter.requires_grad_(True)
                self._weights[f"{name}.{leaf}"] = parameter
        self._start = {name: weight.detach().clone() for name, weight in self._weights.items()}

    def parameters(self) -> list[nn.Parameter]:
        """Those of all norms."""
        return list(self._weights.values())

    @torch.no_grad()
    def state(self) -> dict[str, Delta]:
        """The change of each."""
        return {n: Delta.whole(w - self._start[n]) for n, w in self._weights.items()}

    @torch.no_grad()
    def revert(self) -> None:
        """Restore the bits."""
        for name, weight in self._weights.items():
            weight.copy_(self._start[name])
