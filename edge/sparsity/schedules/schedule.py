"""What a training loop calls. All state is in the module, so its state dict resumes a schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from edge.sparsity.criteria import criterion
from edge.sparsity.masked import SparseLayer, sparse_layers


@dataclass(frozen=True)
class Schedule:
    """Hooks around the steps of an optimizer; this one leaves masks as they are.

    Steps count from 0; `steps` is how many there will be in all. The masks come from
    `edge.sparsity.masked.attach`.
    """

    def prepare(self, module: nn.Module) -> None:
        """Before anything else, also when training is resumed: add the buffers that are needed."""

    def begin(self, module: nn.Module, steps: int) -> None:
        """Before the first step; not called when training is resumed."""

    def gradients_ready(self, module: nn.Module, step: int, steps: int) -> None:
        """After the backward pass, before the optimizer's step."""

    def stepped(self, module: nn.Module, step: int, steps: int) -> None:
        """After the optimizer's step."""

    def finish(self, module: nn.Module) -> None:
        """After the last step: the masks are final, each layer has its sparsity."""


def seeded(seed: int, step: int = 0) -> torch.Generator:
    """A generator for one step, so that a resumed run draws what an unbroken one would."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def whole(sparsity: float) -> float:
    """The sparsity that a layer is to have in the end."""
    return sparsity


def prune_layers(
    module: nn.Module,
    by: str,
    generator: torch.Generator,
    sparsity: Callable[[float], float] = whole,
) -> list[SparseLayer]:
    """Prune every masked layer by a criterion, to a sparsity that depends on its final one."""
    score = criterion(by)
    layers = sparse_layers(module)
    for sparse in layers:
        with torch.no_grad():
            scores = score(sparse.original, sparse.original.grad, generator)
            sparse.prune(scores, sparsity(sparse.masked.sparsity))
    return layers
