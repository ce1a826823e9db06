"""Gradually: fast at first, slower the less is left (Zhu & Gupta 2017, arXiv:1710.01878)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from edge.sparsity.schedules.schedule import Schedule, prune_layers, seeded


@dataclass(frozen=True)
class Cubic(Schedule):
    """Sparsity s(t) = s (1 - (1 - t)^3), t running from `begin_at` to `end_at` of the steps.

    Masks are chosen anew every `every` steps from the stored weights, removed ones included, so
    that a weight may come back while the others shrink. Equation 1 of the paper.
    """

    begin_at: float = 0.0
    end_at: float = 0.6
    every: int = 50
    criterion: str = "l1"
    seed: int = 0

    def gradients_ready(self, module: nn.Module, step: int, steps: int) -> None:
        """Choose the masks where one is due; they are final from `end_at` on."""
        first, last = round(self.begin_at * steps), max(round(self.end_at * steps) - 1, 0)
        if first <= step <= last and ((step - first) % self.every == 0 or step == last):
            progress = (step - first) / max(last - first, 1) if step < last else 1.0
            share = 1 - (1 - progress) ** 3
            prune_layers(
                module, self.criterion, seeded(self.seed, step), lambda sparsity: share * sparsity
            )
