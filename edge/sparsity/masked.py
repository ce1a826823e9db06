"""Masks as torch parametrizations: part of the state dict, fit for any optimizer.

A layer's weight becomes original * mask, so that no optimizer, weight decay or momentum can revive
a removed weight. torch.export sees a product of constants, which the importer folds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.utils.hooks import RemovableHandle

from edge.errors import fail
from edge.sparsity.layers import (
    Layer,
    chosen_layers,
    fitting_layers,
    layer_named,
    mask_tensor,
    scores_of,
    weighted_layers,
)
from edge.sparsity.patterns import Mask, Pattern, check_sparsity

MASK_SHAPE = "E0044"


class Masked(nn.Module):
    """The parametrization weight * mask, with the pattern and sparsity that the layer is to have.

    With `dense_gradient` the gradient of the original is that of the weight, removed ones included
    (straight-through: Bengio et al. 2013, arXiv:1308.3432). In training, `leak` is the factor of
    removed weights, 0 unless a schedule sets it.
    """

    mask: torch.Tensor
    leak: torch.Tensor
    handles: list[RemovableHandle]  # hooks of a schedule on the layer

    def __init__(
        self, weight: torch.Tensor, pattern: Pattern, sparsity: float, dense_gradient: bool = False
    ) -> None:
        super().__init__()
        self.pattern, self.sparsity = pattern, sparsity
        self.dense_gradient = dense_gradient
        self.handles = []
        self.register_buffer("mask", torch.ones(weight.shape, dtype=torch.bool))
        self.register_buffer("leak", torch.zeros(()))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight with zeros where the mask is False."""
        if not self.training:
            return weight * self.mask
        factor = torch.where(self.mask, 1.0, self.leak)
        if self.dense_gradient:
            return weight + (weight * factor - weight).detach()
        return weight * factor


@dataclass(frozen=True, eq=False)
class SparseLayer:
    """A layer whose weight is masked."""

    name: str
    layer: Layer

    @property
    def masked(self) -> Masked:
        """Its parametrization."""
        return _masked(self.layer)

    @property
    def original(self) -> nn.Parameter:
        """The parameter that is trained, with values also where the mask is False."""
        return cast(nn.Parameter, _chain(self.layer).original)

    def set_mask(self, mask: torch.Tensor) -> None:
        """Replace the mask, given in the layout of the weight. Raises EdgeError E0044."""
        if mask.shape != self.masked.mask.shape:
            raise fail(
                MASK_SHAPE, f"a mask of shape {list(mask.shape)} does not fit {self.name}",
                self.name, help=[f"give a bool tensor of shape {list(self.masked.mask.shape)}"],
            )  # fmt: skip
        self.masked.mask.copy_(mask)

    def prune(self, scores: torch.Tensor, sparsity: float) -> None:
        """Give the layer the pattern's mask for scores in the layout of the weight."""
        mask = self.masked.pattern.mask(scores_of(scores), sparsity)
        self.set_mask(mask_tensor(mask, self.original))


def attach(
    module: nn.Module,
    pattern: Pattern,
    sparsity: float | Mapping[str, float],
    dense_gradient: bool = False,
) -> list[SparseLayer]:
    """Parametrize layers by masks that keep everything yet; schedules prune them.

    `sparsity` is that of every layer that the pattern fits, or of named layers. A layer that is
    masked already gets the new pattern, sparsity and a full mask.
    Raises EdgeError E0040 (sparsity), E0042 (the pattern does not fit), E0043 (no such layer).
    """
    if isinstance(sparsity, Mapping):
        layers = chosen_layers(module, pattern, sparsity)
        wanted = {name: check_sparsity(sparsity[name], name) for name in layers}
    else:
        layers = fitting_layers(module, pattern)
        wanted = dict.fromkeys(layers, check_sparsity(sparsity))
    for name, layer in layers.items():
        if is_masked(layer):
            parametrize.remove_parametrizations(layer.holder, layer.attribute)
        masked = Masked(layer.weight, pattern, wanted[name], dense_gradient)
        masked.train(layer.holder.training)
        parametrize.register_parametrization(layer.holder, layer.attribute, masked)
    return [SparseLayer(name, layer) for name, layer in layers.items()]


def sparse_layers(module: nn.Module) -> list[SparseLayer]:
    """The masked layers of a module."""
    return list(_sparse_layers(module))


def _sparse_layers(module: nn.Module) -> Iterator[SparseLayer]:
    for name, layer in weighted_layers(module).items():
        if is_masked(layer):
            yield SparseLayer(name, layer)


def is_masked(layer: Layer) -> bool:
    """Whether a layer's weight is parametrized."""
    return parametrize.is_parametrized(layer.holder, layer.attribute)


def _masked(layer: Layer) -> Masked:
    return next(part for part in _chain(layer) if isinstance(part, Masked))


def _chain(layer: Layer) -> parametrize.ParametrizationList:
    return cast(
        parametrize.ParametrizationList, cast(Any, layer.holder.parametrizations)[layer.attribute]
    )


def masks(module: nn.Module) -> dict[str, torch.Tensor]:
    """The mask of every masked layer by name, in the layout of its weight."""
    return {sparse.name: sparse.masked.mask for sparse in sparse_layers(module)}


def set_masks(module: nn.Module, masks: Mapping[str, torch.Tensor | Mask]) -> None:
    """Replace the masks of masked layers. Raises EdgeError E0043 or E0044, changing nothing else.

    Masks are in the layout of the weight.
    """
    known = {sparse.name: sparse for sparse in sparse_layers(module)}
    for name, mask in masks.items():
        if name not in known:
            layer_named(module, name)
            raise fail("E0043", f"layer {name} has no mask", name, help=["attach a pattern first"])
        known[name].set_mask(torch.as_tensor(mask))


def bake(module: nn.Module) -> nn.Module:
    """Make the masked weights plain parameters, zeros included; the module is changed."""
    for sparse in sparse_layers(module):
        parametrize.remove_parametrizations(sparse.layer.holder, sparse.layer.attribute)
    return module


def sparsity_of(module: nn.Module) -> dict[str, float]:
    """The fraction of zeros in the weight of every convolution and linear layer."""
    return {
        name: float((layer.weight == 0).float().mean())
        for name, layer in weighted_layers(module).items()
    }
