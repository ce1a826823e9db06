"""All at once, before training goes on (Han et al. 2015, arXiv:1506.02626)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from edge.sparsity.schedules.schedule import Schedule, prune_layers, seeded


@dataclass(frozen=True)
class OneShot(Schedule):
    """The final masks before the first step."""

    criterion: str = "l1"
    seed: int = 0

    def begin(self, module: nn.Module, steps: int) -> None:
        """Prune every layer to its sparsity."""
        prune_layers(module, self.criterion, seeded(self.seed))
