"""S2FT: tuning of a few heads and hidden channels (Yang et al. 2024, arXiv:2412.06289).

Rows of the layers before and columns of the layer after change places together, so that the chosen
ones come first and the function stays; then a slice of each last layer learns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from edge.errors import fail
from edge.tuning.adapters import save_adapter, sound
from edge.tuning.attach import freeze, thaw
from edge.tuning.changes import Adapter
from edge.tuning.deltas import Delta
from edge.tuning.slices import SliceLinear

FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")


@dataclass(frozen=True, eq=False)
class Coupling:
    """A layer whose input columns are the output rows of others, and an order for both."""

    owner: nn.Module
    name: str
    last: str
    orders: dict[str, torch.Tensor]
    columns: torch.Tensor
    count: int

    @property
    def weight_name(self) -> str:
        return f"{self.name}.{self.last}.weight"

    @torch.no_grad()
    def permute(self, *, back: bool = False) -> None:
        """Bring the chosen to the front, or `back` where they were."""
        for name, order in self.orders.items():
            layer = self.owner.get_submodule(name)
            for parameter in layer.parameters(recurse=False):
                parameter.copy_(parameter[order.argsort() if back else order])
        weight = self.owner.get_submodule(self.last).get_parameter("weight")
        weight.copy_(weight[:, self.columns.argsort() if back else self.columns])


def _first(chosen: torch.Tensor, total: int) -> torch.Tensor:
    rest = torch.ones(total, dtype=torch.bool)
    rest[chosen] = False
    return torch.cat([chosen, rest.nonzero()[:, 0]])


def _spread(order: torch.Tensor, width: int) -> torch.Tensor:
    """The order of the elements of groups of `width` from the order of the groups."""
    return (order[:, None] * width + torch.arange(width)).flatten()


@dataclass(frozen=True)
class S2FTConfig:
    """Channels of each feed-forward part and heads of each attention that learn, drawn by seed."""

    channels: int
    heads: int
    seed: int = 0

    def attach(self, model: nn.Module) -> S2FTTuner:
        """Raises EdgeError E0081 if the model has no such layers, or fewer channels or heads."""
        generator = torch.Generator().manual_seed(self.seed)
        couplings = []
        for name, module in model.named_modules():
            if _has(module, FEED_FORWARD):
                couplings.append(self._channels(name, module, generator))
            elif _has(module, ATTENTION):
                couplings.append(self._heads(name, module, generator))
        if not couplings:
            raise fail(
                "E0081", f"{type(model).__name__} has no layers that S2FT knows",
                help=[f"it looks for linear layers {', '.join(FEED_FORWARD + ATTENTION)}"],
            )  # fmt: skip
        return S2FTTuner(model, couplings)

    def _channels(self, name: str, owner: nn.Module, generator: torch.Generator) -> Coupling:
        total = owner.get_submodule("down_proj").get_parameter("weight").shape[1]
        _enough(name, "channels", self.channels, total)
        chosen = torch.randperm(total, generator=generator)[: self.channels]
        order = _first(chosen, total)
        orders = {"gate_proj": order, "up_proj": order}
        return Coupling(owner, name, "down_proj", orders, order, self.channels)

    def _heads(self, name: str, owner: nn.Module, generator: torch.Generator) -> Coupling:
        """With grouped queries, heads that share a key and value move together."""
        width = int(getattr(owner, "head_dim", 0))
        if not width:
            raise fail("E0081", "an attention without head_dim", name, help=["set its head_dim"])
        shapes = {n: owner.get_submodule(n).get_parameter("weight").shape for n in ATTENTION}
        heads, groups = shapes["o_proj"][1] // width, shapes["k_proj"][0] // width
        _enough(name, "heads", self.heads, heads)
        order = torch.randperm(groups, generator=generator)
        queries, keys = _spread(order, heads // groups * width), _spread(order, width)
        orders = {"q_proj": queries, "k_proj": keys, "v_proj": keys}
        return Coupling(owner, name, "o_proj", orders, queries, self.heads * width)


def _has(module: nn.Module, names: tuple[str, ...]) -> bool:
    return all(isinstance(getattr(module, name, None), nn.Linear) for name in names)


def _enough(name: str, what: str, wanted: int, total: int) -> None:
    if not 0 < wanted <= total:
        raise fail("E0081", f"{wanted} of {total} {what} cannot be tuned", name,
                   help=[f"give {what} from 1 to {total}"])  # fmt: skip


class S2FTTuner:
    """A model whose chosen heads and channels learn."""

    def __init__(self, model: nn.Module, couplings: list[Coupling]) -> None:
        self._model, self._couplings = model, couplings
        self._gradients = freeze(model)
        self._slices: list[SliceLinear] = []
        for coupling in couplings:
            coupling.permute()
            dense = coupling.owner.get_submodule(coupling.last)
            assert isinstance(dense, nn.Linear)
            self._slices.append(SliceLinear(dense, coupling.count))
            setattr(coupling.owner, coupling.last, self._slices[-1])

    def parameters(self) -> Iterable[nn.Parameter]:
        """The slices, [out, n] each."""
        return [part.part for part in self._slices]

    @torch.no_grad()
    def state(self) -> Adapter:
        """The change of the chosen columns, numbered as in the model before `attach`."""
        return {
            coupling.weight_name: Delta(
                coupling.columns[: coupling.count],
                layer.part - layer.dense.weight[:, : coupling.count],
                tuple(layer.dense.weight.shape),
            )
            for coupling, layer in zip(self._couplings, self._slices, strict=True)
        }

    def export(self, path: Path) -> None:
        """Write `state` as a safetensors file."""
        save_adapter(sound(self.state()), path)

    @torch.no_grad()
    def merge(self) -> nn.Module:
        """The dense model, in its own order, with the slices in its weights.

        Raises EdgeError E0088, changing nothing, if one is not finite.
        """
        sound(self.state())
        for layer in self._slices:
            layer.dense.weight[:, : layer.part.shape[1]] = layer.part
        return self.revert()

    def revert(self) -> nn.Module:
        """The dense model with the bits that it had."""
        for coupling, layer in zip(self._couplings, self._slices, strict=True):
            setattr(coupling.owner, coupling.last, layer.dense)
            coupling.permute(back=True)
        thaw(self._model, self._gradients)
        self._couplings, self._slices = [], []
        return self._model
