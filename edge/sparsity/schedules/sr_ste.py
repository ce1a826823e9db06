"""SR-STE: N:M from scratch, masks chosen anew at every step (Zhou et al., arXiv:2102.04010)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from edge.sparsity.masked import sparse_layers
from edge.sparsity.schedules.schedule import Schedule, prune_layers, seeded


@dataclass(frozen=True)
class SrSte(Schedule):
    """Every weight is trained through its mask, removed ones also decay by `decay` (equation 9).

    Attach masks with dense_gradient=True. Works for any pattern that magnitudes choose. `until`
    ends the changes of the mask, so that the last steps train what will stay.
    """

    decay: float = 2e-4
    until: float = 1.0

    def begin(self, module: nn.Module, steps: int) -> None:
        """The first masks."""
        prune_layers(module, "l1", seeded(0))

    def gradients_ready(self, module: nn.Module, step: int, steps: int) -> None:
        """The sparse-refined term pulls removed weights to zero."""
        self.pull(module, self.decay)

    def pull(self, module: nn.Module, decay: float) -> None:
        """Add decay * w to the gradients of removed weights."""
        for sparse in sparse_layers(module):
            gradient = sparse.original.grad
            if gradient is not None:
                with torch.no_grad():
                    gradient.add_(sparse.original * ~sparse.masked.mask, alpha=decay)

    def stepped(self, module: nn.Module, step: int, steps: int) -> None:
        """The masks of the new weights."""
        if step < self.until * steps:
            prune_layers(module, "l1", seeded(0))
