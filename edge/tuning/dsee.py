"""DSEE: a pruned weight with low rank and a few entries beside it (Chen et al., arXiv:2111.00160).

W = keep * W0 + up down + S, where the places of S are fixed before: the largest of what remains of
W0 after its low-rank part, by alternating projection (Zhou & Tao 2011, GoDec). What is removed are
single weights, by the magnitude of the whole sum, or inputs, such as the channels of a feed-forward
part, by coefficients that learn to be small.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import linear

from edge.errors import fail
from edge.tuning.deltas import Delta
from edge.tuning.layer_tuner import LayerTuner
from edge.tuning.lora import WEIGHT
from edge.tuning.low_rank import LowRank
from edge.tuning.low_rank_layer import LowRankLayer, require_rank, through
from edge.tuning.mixed import Mixed
from edge.tuning.places import layers_named

_PROJECTIONS = 5  # of the decomposition; the places change little after two


def residual_places(weight: torch.Tensor, rank: int, count: int) -> torch.Tensor:
    """i64[count]: where `weight` [out, in] differs most from low rank, in order of place."""
    sparse, places = torch.zeros_like(weight), torch.empty(0, dtype=torch.long)
    for _ in range(_PROJECTIONS):
        u, s, v = torch.linalg.svd(weight - sparse, full_matrices=False)
        rest = (weight - (u[:, :rank] * s[:rank]) @ v[:rank]).flatten()
        places = rest.abs().topk(count).indices
        sparse = torch.zeros_like(rest).index_copy(0, places, rest[places]).view_as(weight)
    return places.sort().values


class EmbeddedLayer(nn.Module):
    """A linear layer with a mask, low rank and entries; `coefficients` scale its inputs.

    keep: bool [out, in]. coefficients: [in / group], which learn where inputs are to be removed;
    after `remove` they are 1 or 0.
    """

    keep: torch.Tensor
    places: torch.Tensor

    def __init__(self, dense: nn.Module, config: DSEEConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.low = LowRankLayer(dense, config.rank, config.alpha / config.rank, generator)
        self.dense, self.group = self.low.dense, max(config.group, 1)
        weight = self.dense.weight.detach()
        _require_groups(weight.shape[1], self.group)
        count = min(config.entries, weight.numel())
        self.register_buffer("places", residual_places(weight, config.rank, count))
        self.register_buffer("keep", torch.ones_like(weight, dtype=torch.bool))
        self.entries = nn.Parameter(torch.zeros_like(weight.flatten()[:count]))
        ones = torch.ones_like(weight[0, :: self.group])
        self.coefficients = nn.Parameter(ones, requires_grad=config.group > 0)

    def alive(self) -> torch.Tensor:
        """The coefficient of each input."""
        return self.coefficients.repeat_interleave(self.group)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] to [..., out]."""
        weight = (self.dense.weight * self.keep).flatten()
        weight = weight.index_add(0, self.places, self.entries).view_as(self.keep)
        x = x * self.alive()
        low: torch.Tensor = self.low.scale * through(self.dense, x, *self.low.pair())
        return linear(x, weight, self.dense.bias) + low

    @torch.no_grad()
    def remove(self, share: float) -> None:
        """Remove this share of the weights, or of the groups of inputs."""
        if self.coefficients.requires_grad:
            kept = _largest(self.coefficients, share)
            self.coefficients.copy_(kept.to(self.coefficients))
            self.coefficients.requires_grad_(False)
            self.coefficients.grad = None
        else:
            self.keep.copy_(_largest(self.change().on(self.dense.weight), share))

    @torch.no_grad()
    def change(self) -> Mixed:
        """What is removed and added. Raises EdgeError E0086 before coefficients are gone."""
        if self.coefficients.requires_grad:
            raise fail("E0086", "inputs still have coefficients", help=["call prune before"])
        alive = self.alive()
        low, entries = self.low.change(), self.entries * alive[self.places % len(alive)]
        return Mixed(
            self.keep & (alive != 0),
            LowRank(low.down * alive, low.up, low.scale),
            Delta(self.places, entries, tuple(self.keep.shape)),
        )


def _largest(values: torch.Tensor, share: float) -> torch.Tensor:
    """bool: all but the smallest share by magnitude."""
    kept = values.abs().flatten().topk(values.numel() - round(share * values.numel())).indices
    mask = torch.zeros(values.numel(), dtype=torch.bool, device=values.device)
    mask[kept] = True
    return mask.view_as(values)


def _require_groups(inputs: int, group: int) -> None:
    if inputs % group:
        raise fail("E0081", f"{inputs} inputs are no groups of {group}",
                   help=["give a group that divides the inputs of each layer"])  # fmt: skip


@dataclass(frozen=True)
class DSEEConfig:
    """Rank of the low-rank part, its alpha, and how many entries a weight has beside it.

    group: 0 removes single weights; from 1 on, so many neighbouring inputs at once, as 1 channel of
    a feed-forward part or the dimensions of a head.
    """

    rank: int = 16
    entries: int = 64
    alpha: float = 16.0
    group: int = 0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    seed: int = 0

    def attach(self, model: nn.Module) -> DSEETuner:
        """Raises EdgeError E0081 if there are no such layers, or a number does not fit them."""
        require_rank(self.rank)
        generator = torch.Generator().manual_seed(self.seed)
        layers = layers_named(model, self.targets, nn.Linear)
        return DSEETuner(model, layers, lambda dense: EmbeddedLayer(dense, self, generator))


class DSEETuner(LayerTuner[EmbeddedLayer]):
    """Tune, `prune`, and tune again; where inputs are removed, with `penalty` in the first loss."""

    def penalty(self) -> torch.Tensor:
        """The sum of the coefficients' magnitudes; the paper weighs it with 1e-4."""
        parts = [layer.coefficients.abs().sum() for layer in self.layers.values()]
        return torch.stack(parts).sum()

    def prune(self, share: float) -> None:
        """Remove this share of each layer. Raises EdgeError E0081 unless it is in [0, 1)."""
        if not 0 <= share < 1:
            raise fail("E0081", f"a share of {share:g} cannot be removed",
                       help=["give a share from 0 to below 1, as 0.5"])  # fmt: skip
        for layer in self.layers.values():
            layer.remove(share)

    def state(self) -> dict[str, Mixed]:
        """The change of each weight. Raises EdgeError E0086 before inputs are removed."""
        return {f"{name}{WEIGHT}": layer.change() for name, layer in self.layers.items()}
