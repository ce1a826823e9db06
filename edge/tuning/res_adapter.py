"""ResAdapter: other resolutions than a model was made for (Cheng et al. 2024, arXiv:2403.02084).

Low rank on the convolutions that change resolution, for smaller images, and group norms that learn,
for larger ones. Everything else, and so the style of a model, stays as it is. Train on batches of
mixed resolutions, each batch of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from edge.errors import fail
from edge.tuning.changes import Change
from edge.tuning.layer_tuner import LayerTuner
from edge.tuning.lora import WEIGHT
from edge.tuning.low_rank_layer import LowRankLayer, require_rank
from edge.tuning.norms import TunedNorms


@dataclass(frozen=True)
class ResAdapterConfig:
    """Rank and alpha, and words of the paths of convolutions and of group norms.

    The words are those of UNets in diffusers.
    """

    rank: int = 16
    alpha: float = 16.0
    convolutions: tuple[str, ...] = ("downsamplers", "upsamplers")
    norms: tuple[str, ...] = ("resnets",)
    seed: int = 0

    def attach(self, model: nn.Module) -> ResAdapterTuner:
        """Raises EdgeError E0081 if no convolution is below such a name, or has no low rank."""
        require_rank(self.rank)
        return ResAdapterTuner(model, self)


class ResAdapterTuner(LayerTuner[LowRankLayer]):
    """A model whose resolution-changing convolutions and group norms learn."""

    def __init__(self, model: nn.Module, config: ResAdapterConfig) -> None:
        generator = torch.Generator().manual_seed(config.seed)
        scale = config.alpha / config.rank
        layers = _below(model, config.convolutions, nn.Conv2d)
        if not layers:
            raise fail("E0081", f"no convolution is below {', '.join(config.convolutions)}",
                       help=["give words of the paths of such layers"])  # fmt: skip
        super().__init__(
            model, layers, lambda dense: LowRankLayer(dense, config.rank, scale, generator)
        )
        self._norms = TunedNorms(model, _below(model, config.norms, nn.GroupNorm))

    def parameters(self) -> Iterable[nn.Parameter]:
        """Those of the convolutions and of the norms."""
        return [*super().parameters(), *self._norms.parameters()]

    def state(self) -> Mapping[str, Change]:
        """Low rank of each convolution's weight, the change of each norm's weight and bias."""
        low = {f"{name}{WEIGHT}": layer.change() for name, layer in self.layers.items()}
        return {**low, **self._norms.state()}

    def revert(self) -> nn.Module:
        """The model with the layers and bits that it had."""
        self._norms.revert()
        return super().revert()


def _below(model: nn.Module, words: tuple[str, ...], kind: type[nn.Module]) -> dict[str, nn.Module]:
    """Modules of a kind with one of the words in their path."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, kind) and not set(words).isdisjoint(name.split("."))
    }
