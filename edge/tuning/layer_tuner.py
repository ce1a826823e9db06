"""What tuners share that put layers which learn in the places of a model's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import nn

from edge.tuning.adapters import fuse, save_adapter, sound
from edge.tuning.attach import freeze, thaw
from edge.tuning.changes import Adapter
from edge.tuning.places import swap

Learning = TypeVar("Learning", bound=nn.Module)


class LayerTuner(ABC, Generic[Learning]):
    """A model some of whose layers are `layers`, each made from the one that was there."""

    def __init__(
        self,
        model: nn.Module,
        layers: Mapping[str, nn.Module],
        made: Callable[[Any], Learning],
    ) -> None:
        self._model, self._own = model, dict(layers)
        self.layers = {name: made(layer) for name, layer in layers.items()}
        self._gradients = freeze(model)
        for name, layer in self.layers.items():
            swap(model, name, layer)
        found = (p for layer in self.layers.values() for p in layer.parameters())
        self._learning = list(dict.fromkeys(p for p in found if p.requires_grad))

    def parameters(self) -> Iterable[nn.Parameter]:
        """What learns, each once."""
        return self._learning

    @abstractmethod
    def state(self) -> Adapter:
        """The change so far."""

    def export(self, path: Path) -> None:
        """Write `state` as a safetensors file. Raises EdgeError E0088 if it is not finite."""
        save_adapter(sound(self.state()), path)

    def merge(self) -> nn.Module:
        """The model with the change in it. Raises EdgeError E0088, changing nothing."""
        state = sound(self.state())
        fuse(self.revert(), state)
        return self._model

    def revert(self) -> nn.Module:
        """The model with the layers and bits that it had."""
        for name, layer in self._own.items():
            swap(self._model, name, layer)
        thaw(self._model, self._gradients)
        self._own, self.layers = {}, {}
        return self._model
