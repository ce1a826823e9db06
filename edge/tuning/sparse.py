"""Composable sparse fine-tuning, LT-SFT (Ansell et al. 2022, arXiv:2110.07560).

Everything is tuned once to see which weights change most; these alone are tuned again from the
start, and their changes add to those of other tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from edge.errors import fail
from edge.tuning.adapters import save_adapter, sound
from edge.tuning.attach import freeze, thaw
from edge.tuning.changes import Adapter
from edge.tuning.deltas import Delta
from edge.tuning.places import layers_named


@dataclass(frozen=True)
class SparseConfig:
    """The share of the weights that may change, above 0 and at most 1.

    targets: ends of the names of the layers it is a share of; all by default.
    """

    share: float = 0.05
    targets: tuple[str, ...] = ()

    def attach(self, model: nn.Module) -> SparseTuner:
        """Raises EdgeError E0081 if the share is out of range."""
        if not 0 < self.share <= 1:
            raise fail("E0081", f"a share of {self.share:g} of the weights cannot be tuned",
                       help=["give a share above 0 and at most 1, as 0.05"])  # fmt: skip
        layers = layers_named(model, self.targets, nn.Module) if self.targets else None
        return SparseTuner(model, self.share, layers)


class SparseTuner:
    """A model under full tuning until `select`, under sparse tuning after it.

    A weight that is not selected gets no gradient. What an optimizer moves all the same, by decay
    or momentum from before `select`, is not part of the change and goes at `merge`.
    """

    def __init__(
        self, model: nn.Module, share: float, layers: Mapping[str, nn.Module] | None = None
    ) -> None:
        """`layers` by name are those to tune; all without."""
        self._model, self._share = model, share
        self._gradients = freeze(model)
        owners = {"": model} if layers is None else layers
        tuned = {id(p) for owner in owners.values() for p in owner.parameters()}
        self._weights: dict[str, nn.Parameter] = {
            name: p for name, p in model.named_parameters() if id(p) in tuned
        }
        for weight in self._weights.values():
            weight.requires_grad_(True)
        self._start = {name: w.detach().clone() for name, w in self._weights.items()}
        self._chosen: dict[str, torch.Tensor] = {
            name: torch.arange(w.numel(), device=w.device) for name, w in self._weights.items()
        }
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def parameters(self) -> Iterable[nn.Parameter]:
        """All weights to tune; make a new optimizer after `select`."""
        return list(self._weights.values())

    @torch.no_grad()
    def select(self) -> None:
        """Keep to the largest changes so far, and begin again from the start."""
        changes = [(w - self._start[n]).abs().flatten() for n, w in self._weights.items()]
        count = max(1, round(self._share * sum(map(len, changes))))
        largest = torch.cat(changes).topk(count).indices
        mask = torch.zeros(sum(map(len, changes)), dtype=torch.bool, device=largest.device)
        mask[largest] = True
        parts = torch.split(mask, [len(c) for c in changes])
        for name, part in zip(self._weights, parts, strict=True):
            self._chosen[name] = part.nonzero()[:, 0]
            self._keep_to(self._weights[name], part)
        self._rewind()

    def _keep_to(self, weight: nn.Parameter, mask: torch.Tensor) -> None:
        kept = mask.view_as(weight)
        hook = weight.register_hook(lambda grad: grad * kept)  # type: ignore[no-untyped-call]
        self._hooks.append(hook)
        weight.grad = None

    @torch.no_grad()
    def _rewind(self) -> None:
        for name, weight in self._weights.items():
            weight.copy_(self._start[name])

    @torch.no_grad()
    def state(self) -> Adapter:
        """The changes of the chosen entries; weights without any are left out."""
        return {
            name: Delta(
                index,
                (weight - self._start[name]).flatten()[index],
                tuple(weight.shape),
            )
            for name, weight in self._weights.items()
            if len(index := self._chosen[name])
        }

    def export(self, path: Path) -> None:
        """Write `state` as a safetensors file."""
        save_adapter(sound(self.state()), path)

    @torch.no_grad()
    def merge(self) -> nn.Module:
        """The model with the chosen entries as tuned and all others as they were.

        Raises EdgeError E0088, changing nothing, if one is not finite.
        """
        sound(self.state())
        tuned = {n: w.flatten()[self._chosen[n]] for n, w in self._weights.items()}
        self.revert()
        for name, values in tuned.items():
            self._weights[name].view(-1)[self._chosen[name]] = values
        return self._model

    def revert(self) -> nn.Module:
        """The model with the bits that it had."""
        self._rewind()
        for hook in self._hooks:
            hook.remove()
        thaw(self._model, self._gradients)
        return self._model
