"""LoRA (Hu et al. 2021, arXiv:2106.09685): what the other methods are measured against.

Also the way in for adapters that exist: `ResumeConfig` tunes one further, such as peft's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from edge.errors import fail
from edge.tuning.adapters import require_fit, sound
from edge.tuning.changes import Adapter
from edge.tuning.layer_tuner import LayerTuner
from edge.tuning.low_rank import LowRank
from edge.tuning.low_rank_layer import LowRankLayer, require_rank
from edge.tuning.places import layers_named

WEIGHT = ".weight"


class LowRankTuner(LayerTuner[LowRankLayer]):
    """A model whose chosen layers have a low-rank change that learns."""

    def state(self) -> Mapping[str, LowRank]:
        """The change of each weight."""
        return {f"{name}{WEIGHT}": layer.change() for name, layer in self.layers.items()}


@dataclass(frozen=True)
class LoRAConfig:
    """The layers to tune by the ends of their names, rank and alpha: the scale is alpha / rank.

    The defaults are the paper's layers, with the rank and alpha that peft has.
    """

    rank: int = 8
    alpha: float = 8.0
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    seed: int = 0

    def attach(self, model: nn.Module) -> LowRankTuner:
        """Raises EdgeError E0081 if there are no such layers or the rank is below 1."""
        return LowRankTuner(model, *self.places(model))

    def places(
        self, model: nn.Module
    ) -> tuple[Mapping[str, nn.Module], Callable[[nn.Module], LowRankLayer]]:
        """The layers to tune, and how one becomes a layer that learns."""
        generator = torch.Generator().manual_seed(self.seed)
        layers = layers_named(model, self.targets, (nn.Linear, nn.Conv2d))
        require_rank(self.rank)
        scale = self.alpha / self.rank
        return layers, lambda dense: LowRankLayer(dense, self.rank, scale, generator)


@dataclass(frozen=True, eq=False)
class ResumeConfig:
    """Tune a low-rank adapter further; each layer keeps its rank and scale."""

    adapter: Adapter

    def attach(self, model: nn.Module) -> LowRankTuner:
        """Raises EdgeError E0080 for an adapter of another model, E0081 for one of another kind."""
        require_fit(model, sound(self.adapter))
        changes = {n.removesuffix(WEIGHT): c for n, c in self.adapter.items()}
        pairs = {name: c for name, c in changes.items() if isinstance(c, LowRank)}
        if len(pairs) < len(changes):
            raise fail("E0081", "only low-rank adapters are tuned further",
                       help=["fuse the adapter into the model and tune that"])  # fmt: skip
        layers = {name: model.get_submodule(name) for name in pairs}
        starts = iter(pairs.values())
        return LowRankTuner(model, layers, lambda dense: _started(dense, next(starts)))


def _started(dense: nn.Module, start: LowRank) -> LowRankLayer:
    layer = LowRankLayer(dense, start.rank, start.scale, torch.Generator())
    with torch.no_grad():
        layer.down.copy_(start.down)
        layer.up.copy_(start.up)
    return layer
