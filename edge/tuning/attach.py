"""One way into every method: a configuration makes a model tunable."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from edge.tuning.changes import Adapter


class Tuner(Protocol):
    """A model under tuning.

    parameters: what an optimizer takes. state: the change so far. export: writes the state.
    merge: the model with the change, as it was built. revert: the model's bits before `attach`.
    After merge or revert the tuner is done.
    """

    def parameters(self) -> Iterable[nn.Parameter]: ...
    def state(self) -> Adapter: ...
    def export(self, path: Path) -> None: ...
    def merge(self) -> nn.Module: ...
    def revert(self) -> nn.Module: ...


class Config(Protocol):
    """The settings of a method."""

    def attach(self, model: nn.Module) -> Tuner: ...


def attach(model: nn.Module, config: Config) -> Tuner:
    """Make `model` tunable, in place; what is not tuned no longer has a gradient."""
    return config.attach(model)


def freeze(model: nn.Module) -> dict[str, bool]:
    """Switch off all gradients; returns which were on."""
    before = {name: p.requires_grad for name, p in model.named_parameters()}
    model.requires_grad_(False)
    return before


def thaw(model: nn.Module, before: dict[str, bool]) -> None:
    """Switch gradients as `freeze` found them."""
    parameters: dict[str, torch.nn.Parameter] = dict(model.named_parameters())
    for name, wanted in before.items():
        parameters[name].requires_grad_(wanted)
