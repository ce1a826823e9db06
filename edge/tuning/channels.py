"""S2FT for nets of convolutions and linear layers: some input channels of a layer learn.

Yang et al. 2024, arXiv:2412.06289. For the gradient only those channels of the input are kept. The
channels stay where they are; `edge.tuning.device` brings them to the front for a device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d, linear
from torch.nn.grad import conv2d_input, conv2d_weight

from edge.errors import fail
from edge.tuning.deltas import Delta
from edge.tuning.layer_tuner import LayerTuner
from edge.tuning.lora import WEIGHT
from edge.tuning.low_rank_layer import require_plain
from edge.tuning.places import layers_named


class _ChannelProduct(torch.autograd.Function):
    """The whole layer forward; backward needs the input of the learning channels alone."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, part: torch.Tensor, layer: ChannelLayer) -> Any:
        weight, axis = layer.whole(part), layer.axis
        ctx.save_for_backward(x.index_select(axis, layer.index), weight, part)
        ctx.layer, ctx.shape = layer, x.shape
        if layer.geometry is None:
            return linear(x, weight)
        return conv2d(x, weight, None, *layer.geometry)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (grad,), (x, weight, part) = grads, ctx.saved_tensors
        geometry, to_x = ctx.layer.geometry, None
        if geometry is None:
            if ctx.needs_input_grad[0]:
                to_x = grad @ weight
            return to_x, grad.flatten(0, -2).T @ x.flatten(0, -2), None
        if ctx.needs_input_grad[0]:
            to_x = conv2d_input(ctx.shape, weight, grad, *geometry)  # type: ignore[no-untyped-call]
        to_part = conv2d_weight(x, part.shape, grad, *geometry)  # type: ignore[no-untyped-call]
        return to_x, to_part, None


class ChannelLayer(nn.Module):
    """A linear layer or convolution; `part` [out, n, ...] are columns `index` [n] that learn."""

    index: torch.Tensor
    geometry: tuple[Any, ...] | None

    def __init__(self, dense: nn.Module, index: torch.Tensor) -> None:
        super().__init__()
        self.dense = plain = require_plain(dense)
        self.register_buffer("index", index.to(plain.weight.device))
        self.part = nn.Parameter(plain.weight.detach().index_select(1, self.index))
        self.axis, self.geometry = -1, None
        if isinstance(plain, nn.Conv2d):
            self.axis, self.geometry = 1, (plain.stride, plain.padding, plain.dilation)

    def whole(self, part: torch.Tensor) -> torch.Tensor:
        """The layer's weight with the part in it."""
        return self.dense.weight.detach().index_copy(1, self.index, part.detach())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What `dense` takes and makes."""
        y: torch.Tensor = _ChannelProduct.apply(x, self.part, self)  # type: ignore[no-untyped-call]
        if self.dense.bias is None:
            return y
        return y + self.dense.bias.view(-1, *[1] * (0 if self.geometry is None else 2))

    @torch.no_grad()
    def change(self) -> Delta:
        """Columns of a linear layer's weight, entries of a convolution's."""
        weight = self.dense.weight
        change = self.part - weight.index_select(1, self.index)
        if weight.ndim == 2:
            return Delta(self.index, change, tuple(weight.shape))
        places = torch.arange(weight.numel(), device=weight.device).view_as(weight)
        chosen = places.index_select(1, self.index).flatten()
        return Delta(chosen, change.flatten(), tuple(weight.shape))


@dataclass(frozen=True)
class ChannelConfig:
    """How many input channels of which layers learn, drawn by seed."""

    channels: Mapping[str, int]
    seed: int = 0

    def attach(self, model: nn.Module) -> ChannelTuner:
        """Raises EdgeError E0081 if there is no such layer, or it has fewer channels."""
        generator = torch.Generator().manual_seed(self.seed)
        drawn = iter([self._drawn(model, name, generator) for name in self.channels])
        layers = {name: model.get_submodule(name) for name in self.channels}
        return ChannelTuner(model, layers, lambda dense: ChannelLayer(dense, next(drawn)))

    def _drawn(self, model: nn.Module, name: str, generator: torch.Generator) -> torch.Tensor:
        layer = layers_named(model, (name,), (nn.Linear, nn.Conv2d)).get(name)
        wanted = self.channels[name]
        total = 0 if layer is None else require_plain(layer).weight.shape[1]
        if not 0 < wanted <= total:
            raise fail("E0081", f"{wanted} of {total} channels cannot be tuned", name,
                       help=[f"give from 1 to {total}, and a layer's whole name"])  # fmt: skip
        return torch.randperm(total, generator=generator)[:wanted].sort().values


class ChannelTuner(LayerTuner[ChannelLayer]):
    """A model some channels of which learn."""

    def state(self) -> Mapping[str, Delta]:
        """The change of each weight."""
        return {f"{name}{WEIGHT}": layer.change() for name, layer in self.layers.items()}
