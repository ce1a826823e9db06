"""Progressive gradient flow (Bambhaniya et al. 2024, arXiv:2402.04744).

At high sparsity removed weights get no gradients from the first step on. Here they take part in
full at first and ever less, forwards and backwards, until the mask is all there is.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from edge.sparsity.masked import sparse_layers
from edge.sparsity.schedules.schedule import Schedule, prune_layers, seeded


@dataclass(frozen=True)
class GradientFlow(Schedule):
    """Removed weights count by a factor that falls linearly from 1 to 0 at `until` of the steps.

    This is the paper's mask decay. The mask is chosen anew every `every` steps up to there.
    """

    until: float = 0.6
    every: int = 10

    def begin(self, module: nn.Module, steps: int) -> None:
        """The first masks; all weights take part."""
        prune_layers(module, "l1", seeded(0))
        leak_removed(module, 1.0)

    def stepped(self, module: nn.Module, step: int, steps: int) -> None:
        """Less of the removed weights; new masks where they are due."""
        leak = max(0.0, 1 - (step + 1) / max(self.until * steps, 1))
        if leak > 0 and step % self.every == 0:
            prune_layers(module, "l1", seeded(0))
        leak_removed(module, leak)

    def finish(self, module: nn.Module) -> None:
        """Removed weights are zero."""
        leak_removed(module, 0.0)


def leak_removed(module: nn.Module, factor: float) -> None:
    """Let removed weights take part in training by a factor."""
    for sparse in sparse_layers(module):
        sparse.masked.leak.fill_(factor)
