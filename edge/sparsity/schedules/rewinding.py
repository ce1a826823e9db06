"""Iteratively, rewinding weights to an early point after each cut (Frankle et al. 2019,
arXiv:1903.01611; Renda et al. 2020, arXiv:2003.02389)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from edge.sparsity.schedules.schedule import Schedule, prune_layers, seeded

_EARLY = "rewind_"  # buffers with the early values; they are part of the state dict


@dataclass(frozen=True)
class Rewinding(Schedule):
    """Training is cut into `rounds` + 1 equal parts; after each but the last one layers are pruned.

    In round r of R the density is d^(r / R), the same share of the weights each time. Parameters
    then go back to what they were at `early` of the first part. Batch norm statistics stay.
    """

    rounds: int = 3
    early: float = 0.2
    criterion: str = "l1"
    seed: int = 0

    def prepare(self, module: nn.Module) -> None:
        """Add room for the early values."""
        _remember(module)

    def stepped(self, module: nn.Module, step: int, steps: int) -> None:
        """Remember the early values; at the end of a part prune and rewind."""
        part = max(steps // (self.rounds + 1), 1)
        if step == round(self.early * part):
            _remember(module)
        done, rest = divmod(step + 1, part)
        if rest == 0 and 1 <= done <= self.rounds:
            share = done / self.rounds
            prune_layers(
                module, self.criterion, seeded(self.seed, step), lambda s: 1 - (1 - s) ** share
            )
            _rewind(module)

    def finish(self, module: nn.Module) -> None:
        """Forget the early values."""
        for name, _ in list(module.named_parameters()):
            delattr(module, _buffer(name))


def _remember(module: nn.Module) -> None:
    for name, parameter in list(module.named_parameters()):
        module.register_buffer(_buffer(name), parameter.detach().clone())


def _rewind(module: nn.Module) -> None:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(module.get_buffer(_buffer(name)))


def _buffer(name: str) -> str:
    return _EARLY + name.replace(".", "__")
