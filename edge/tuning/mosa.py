"""MoSA: a mixture of sparse adapters (Zhang et al. 2023, arXiv:2312.02923).

The entries of a bottleneck adapter are split at random into disjoint parts. Each step draws one
part for the way down and one for the way up of each layer; the others are zero and do not learn.
The union of the parts is the adapter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from edge.errors import fail
from edge.tuning.bottleneck import Bottleneck, known_activation
from edge.tuning.layer_tuner import LayerTuner
from edge.tuning.places import layers_named

SHARED = ("", "down", "up")


class SplitTensor(nn.Module):
    """A tensor whose entries are spread over disjoint parts; `part` None makes the whole of it.

    Parts are parameters of their own, so that an optimizer leaves those alone that are not drawn.
    """

    def __init__(self, start: torch.Tensor, parts: int, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = start.shape
        order = torch.randperm(start.numel(), generator=generator).to(start.device)
        places = [part.sort().values for part in order.tensor_split(parts)]
        self.places = nn.ParameterList(nn.Parameter(p, requires_grad=False) for p in places)
        self.parts = nn.ParameterList(start.flatten()[place].clone() for place in places)

    def forward(self, part: int | None) -> torch.Tensor:
        """The tensor, zero outside the part."""
        chosen = range(len(self.parts)) if part is None else (part,)
        places = torch.cat([self.places[i] for i in chosen])
        values = torch.cat([self.parts[i] for i in chosen])
        flat = torch.zeros(math.prod(self.shape), dtype=values.dtype, device=values.device)
        return flat.index_copy(0, places, values).view(self.shape)


class SplitLayer(nn.Module):
    """A linear layer with a split bottleneck after it; `drawn` are the parts in use."""

    def __init__(self, dense: nn.Linear, config: MoSAConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.dense, self.activation = dense, config.activation
        self.drawn: tuple[int | None, int | None] = (None, None)
        outputs, like = dense.out_features, dense.weight
        down = torch.empty(config.bottleneck, outputs, dtype=like.dtype)
        nn.init.kaiming_uniform_(down, math.sqrt(5), generator=generator)
        starts = {
            "down": down, "down_bias": torch.zeros(config.bottleneck, dtype=like.dtype),
            "up": torch.zeros(outputs, config.bottleneck, dtype=like.dtype),
            "up_bias": torch.zeros(outputs, dtype=like.dtype),
        }  # fmt: skip
        self.tensors = nn.ModuleDict(
            {
                name: SplitTensor(start.to(like.device), config.parts_of(name), generator)
                for name, start in starts.items()
            }
        )

    def bottleneck(self) -> Bottleneck:
        """Of the parts in use."""
        down, up = self.drawn
        tensors = self.tensors
        return Bottleneck(
            tensors["down"](down), tensors["down_bias"](down),
            tensors["up"](up), tensors["up_bias"](up), self.activation,
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] to [..., out]."""
        return self.bottleneck()(self.dense(x))


@dataclass(frozen=True)
class MoSAConfig:
    """Width and activation of the bottlenecks, and how many parts their entries are split into.

    dense: the paper's hierarchy for little data: "down" or "up" is then not split, and learns in
    every step. targets: the layers that bottlenecks follow, here the ends of attention and
    feed-forward part.
    """

    bottleneck: int = 64
    parts: int = 4
    dense: str = ""
    activation: str = "gelu"
    targets: tuple[str, ...] = ("o_proj", "down_proj")
    seed: int = 0

    def parts_of(self, tensor: str) -> int:
        """Parts of one of the four tensors."""
        return 1 if self.dense and tensor.startswith(self.dense) else self.parts

    def attach(self, model: nn.Module) -> MoSATuner:
        """Raises EdgeError E0081 if there are no such layers, or a setting is out of range."""
        known_activation(self.activation)
        if self.bottleneck < 1 or not 1 <= self.parts <= self.bottleneck:
            raise fail("E0081", f"a bottleneck of {self.bottleneck} has no {self.parts} parts",
                       help=["give from 1 to as many parts as the bottleneck is wide"])  # fmt: skip
        if self.dense not in SHARED:
            raise fail("E0081", f"nothing is called {self.dense!r}", help=["dense: '', down or up"])
        return MoSATuner(model, self)


class MoSATuner(LayerTuner[SplitLayer]):
    """Call `draw` before each training step, and `whole` before the model is used."""

    def __init__(self, model: nn.Module, config: MoSAConfig) -> None:
        self._generator = torch.Generator().manual_seed(config.seed)
        self._parts = (config.parts_of("down"), config.parts_of("up"))
        layers = layers_named(model, config.targets, nn.Linear)
        super().__init__(model, layers, lambda dense: SplitLayer(dense, config, self._generator))

    def draw(self) -> None:
        """Draw the parts of the next step, for each layer anew."""
        for layer in self.layers.values():
            down, up = (self._drawn(parts) for parts in self._parts)
            layer.drawn = (down, up)

    def _drawn(self, parts: int) -> int:
        return int(torch.randint(parts, (), generator=self._generator))

    def whole(self) -> None:
        """Use the union of all parts."""
        for layer in self.layers.values():
            layer.drawn = (None, None)

    @torch.no_grad()
    def state(self) -> dict[str, Bottleneck]:
        """The union of the parts, whatever is drawn."""
        found = {}
        for name, layer in self.layers.items():
            drawn, layer.drawn = layer.drawn, (None, None)
            found[name] = layer.bottleneck()
            layer.drawn = drawn
        return found
