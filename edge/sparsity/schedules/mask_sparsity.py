"""MaskSparsity: regularize only what will be removed (Jiang et al. 2022, arXiv:2201.06776).

A penalty on all weights also shrinks those that stay. Here the masks are chosen first, the weights
outside them are pulled to zero while the network trains in full, and then they are removed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from edge.sparsity.masked import sparse_layers
from edge.sparsity.schedules.gradient_flow import leak_removed
from edge.sparsity.schedules.schedule import Schedule, prune_layers, seeded


@dataclass(frozen=True)
class MaskSparsity(Schedule):
    """An L1 penalty of `strength` on the weights outside the masks until `until` of the steps."""

    strength: float = 5e-4
    until: float = 0.6
    criterion: str = "l1"
    seed: int = 0

    def begin(self, module: nn.Module, steps: int) -> None:
        """Choose the masks; all weights take part yet."""
        prune_layers(module, self.criterion, seeded(self.seed))
        leak_removed(module, 1.0)

    def gradients_ready(self, module: nn.Module, step: int, steps: int) -> None:
        """The gradient of the penalty."""
        for sparse in sparse_layers(module):
            gradient = sparse.original.grad
            if gradient is not None:
                with torch.no_grad():
                    pull = sparse.original.sign() * ~sparse.masked.mask
                    gradient.add_(pull, alpha=self.strength)

    def stepped(self, module: nn.Module, step: int, steps: int) -> None:
        """Remove them."""
        if step + 1 >= self.until * steps:
            leak_removed(module, 0.0)

    def finish(self, module: nn.Module) -> None:
        """Removed weights are zero."""
        leak_removed(module, 0.0)
