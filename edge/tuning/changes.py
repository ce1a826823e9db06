"""What a method exports: for each weight or layer of a model, how it changes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

import torch
from torch import nn

Undo = Callable[[], None]
"""Puts back the bits that a change has replaced."""

Fields = Mapping[str, torch.Tensor]
"""The tensors of a change by the names that they have in a file."""


class Change(Protocol):
    """A change of one part of a model.

    kind: its name in files. size: the shape that it is made for. fault: what is wrong with it.
    misfit: why it cannot go into a model. put: into a model, in place. total: the weighted sum of
    changes of this class.
    """

    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> tuple[int, ...]: ...
    def fault(self) -> str | None: ...
    def misfit(self, model: nn.Module, name: str) -> str | None: ...
    def put(self, model: nn.Module, name: str) -> Undo: ...
    def fields(self) -> Fields: ...
    @classmethod
    def total(cls, parts: Sequence[tuple[Self, float]]) -> Self: ...


Adapter = Mapping[str, Change]
"""Changes by the names of the weights, or layers, that they change."""


class WeightChange(ABC):
    """A change of the numbers of a weight."""

    @property
    @abstractmethod
    def size(self) -> tuple[int, ...]:
        """Shape of the weight."""

    @abstractmethod
    def on(self, weight: torch.Tensor) -> torch.Tensor:
        """The changed weight."""

    def misfit(self, model: nn.Module, name: str) -> str | None:
        """None if the model has a weight of this name and shape."""
        weight = dict(model.named_parameters(remove_duplicate=False)).get(name)
        if weight is None:
            return "does not exist"
        return None if tuple(weight.shape) == self.size else f"is {list(weight.shape)}"

    @torch.no_grad()
    def put(self, model: nn.Module, name: str) -> Undo:
        """Change the weight; the undo holds a copy of the old one."""
        weight = model.get_parameter(name)
        old = weight.clone()
        weight.copy_(self.on(weight))
        return lambda: put_back(weight, old)


@torch.no_grad()
def put_back(weight: torch.Tensor, old: torch.Tensor) -> None:
    """Overwrite a weight with what it was."""
    weight.copy_(old)


def finite(tensors: Fields) -> str | None:
    """What is wrong with tensors that hold a number that is none."""
    good = all(bool(t.isfinite().all()) for t in tensors.values())
    return None if good else "values that are not finite"
