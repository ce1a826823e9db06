"""Dynamic sparse training: the sparsity is there from the start, the mask moves.

SET (Mocanu et al. 2018, arXiv:1707.04780) drops the units of least magnitude and grows random ones;
RigL (Evci et al. 2020, arXiv:1911.11134) grows those whose gradient is largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from edge.errors import fail
from edge.sparsity.masked import SparseLayer, sparse_layers
from edge.sparsity.patterns import NM
from edge.sparsity.schedules.schedule import Schedule, prune_layers, seeded

Growth = Callable[[SparseLayer, torch.Generator], torch.Tensor]


def at_random(sparse: SparseLayer, generator: torch.Generator) -> torch.Tensor:
    """SET's growth: any unit may come back."""
    return torch.rand(sparse.original.shape, generator=generator)


def by_gradient(sparse: SparseLayer, generator: torch.Generator) -> torch.Tensor:
    """RigL's growth: |gradient| of the weight, which the mask must let through."""
    gradient = sparse.original.grad
    return torch.zeros_like(sparse.original) if gradient is None else gradient.abs()


GROWTH: dict[str, Growth] = {"random": at_random, "gradient": by_gradient}


@dataclass(frozen=True)
class Regrowth(Schedule):
    """Every `every` steps a share of the kept weights is exchanged, until `until` of the steps.

    The share falls from `share` to 0 along a cosine (RigL, section 3). Grown weights start at 0.
    `grow` is "random" (SET) or "gradient" (RigL; attach masks with dense_gradient=True).
    The first masks are by the criterion `first`: random from scratch, l1 for trained weights.
    """

    grow: str = "gradient"
    share: float = 0.3
    every: int = 100
    until: float = 0.75
    first: str = "random"
    seed: int = 0

    def prepare(self, module: nn.Module) -> None:
        """Refuse N:M, whose groups cannot drop a weight before they grow one: EdgeError E0041."""
        for sparse in sparse_layers(module):
            if isinstance(sparse.masked.pattern, NM):
                title = f"{sparse.masked.pattern} masks cannot be sparser for a moment"
                raise fail("E0041", title, sparse.name, help=["SrSte moves N:M masks"])

    def begin(self, module: nn.Module, steps: int) -> None:
        """Masks of the final sparsity by the criterion `first`."""
        prune_layers(module, self.first, seeded(self.seed))

    def gradients_ready(self, module: nn.Module, step: int, steps: int) -> None:
        """Exchange weights where that is due, and keep gradients off removed ones."""
        if step > 0 and step % self.every == 0 and step < self.until * steps:
            share = self.share / 2 * (1 + math.cos(math.pi * step / (self.until * steps)))
            generator = seeded(self.seed, step)
            for sparse in sparse_layers(module):
                _exchange(sparse, share, GROWTH[self.grow](sparse, generator))
        for sparse in sparse_layers(module):
            if sparse.original.grad is not None:
                sparse.original.grad.mul_(sparse.masked.mask)


def _exchange(sparse: SparseLayer, share: float, growth: torch.Tensor) -> None:
    """Drop `share` of what is kept by magnitude, then fill up to the sparsity by `growth`."""
    masked, old = sparse.masked, sparse.masked.mask.clone()
    dropped = 1 - (1 - masked.sparsity) * (1 - share)
    with torch.no_grad():
        kept_scores = sparse.original.abs() * old
        sparse.prune(kept_scores, dropped)
        staying = masked.mask.clone()
        # what stays is kept by scores above any growth; the rest is ranked by growth
        scores = torch.where(staying, growth.max() + 1 + kept_scores, growth)
        sparse.prune(scores, masked.sparsity)
        sparse.original.mul_(~(masked.mask & ~staying))
