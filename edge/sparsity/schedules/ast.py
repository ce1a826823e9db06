"""AST: sparse retraining of a pruned language model (Huang et al., Adaptive Sparse Trainer,
arXiv:2407.20584)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from edge.sparsity.schedules.schedule import prune_layers, seeded
from edge.sparsity.schedules.sr_ste import SrSte


@dataclass(frozen=True)
class AdaptiveSparse(SrSte):
    """Masks of the largest weights, chosen anew every `every` steps, while removed weights decay.

    The decay rises to its full size over the first `ramp` of the steps: weights may come back early
    on and settle later. Attach masks with dense_gradient=True, train with a dense teacher's
    `distillation`, and decay no weights in the optimizer. `every` 10 and `decay` 2e-4 are the
    paper's.
    """

    every: int = 10
    ramp: float = 0.25

    def gradients_ready(self, module: nn.Module, step: int, steps: int) -> None:
        """The pull on removed weights, as far as it has risen."""
        risen = min(1.0, (step + 1) / max(self.ramp * steps, 1))
        self.pull(module, self.decay * risen)

    def stepped(self, module: nn.Module, step: int, steps: int) -> None:
        """The masks of the new weights, where they are due."""
        if (step + 1) % self.every == 0 and step < self.until * steps:
            prune_layers(module, "l1", seeded(0))


@dataclass(frozen=True, eq=False)
class Distillation:
    """The loss KL(teacher || student) a token, for `edge.sparsity.training.Training.loss`.

    The targets are the inputs: what `teacher` says of them is computed batch by batch.
    """

    teacher: nn.Module

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean over all tokens; outputs are logits [..., classes], targets the batch's inputs."""
        with torch.no_grad():
            wanted = self.teacher(targets).log_softmax(-1)
        given = outputs.log_softmax(-1)
        divergence: torch.Tensor = (wanted.exp() * (wanted - given)).sum(-1).mean()
        return divergence


class Logits(nn.Module):
    """A transformers language model as a module from token ids to logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits [batch, tokens, vocabulary] of ids [batch, tokens]."""
        logits: torch.Tensor = self.model(ids, use_cache=False).logits
        return logits
