"""A linear layer or convolution beside which a product of two narrow matrices learns."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import conv2d, linear

from edge.errors import fail
from edge.tuning.low_rank import LowRank


class LowRankLayer(nn.Module):
    """dense(x) + scale * up(down(x)). A new `up` is zero, so the function stays as it was.

    down: [rank, inputs] or [rank, inputs, height, width], with stride and padding of `dense`;
    up: [outputs, rank] or [outputs, rank, 1, 1].
    """

    def __init__(
        self, dense: nn.Module, rank: int, scale: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.dense, self.scale = require_plain(dense), scale
        weight = self.dense.weight
        down = torch.empty(rank, *weight.shape[1:], dtype=weight.dtype)
        nn.init.kaiming_uniform_(down, math.sqrt(5), generator=generator)
        up = torch.zeros(weight.shape[0], rank, *[1] * (weight.ndim - 2), dtype=weight.dtype)
        self.down, self.up = (nn.Parameter(t.to(weight.device)) for t in (down, up))

    def pair(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The matrices in use."""
        return self.down, self.up

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What `dense` takes and makes."""
        y: torch.Tensor = self.dense(x)
        return y + self.scale * through(self.dense, x, *self.pair())

    @torch.no_grad()
    def change(self) -> LowRank:
        """A copy of the matrices in use."""
        down, up = (matrix.detach().clone() for matrix in self.pair())
        return LowRank(down, up, self.scale)


def through(
    dense: nn.Linear | nn.Conv2d, x: torch.Tensor, down: torch.Tensor, up: torch.Tensor
) -> torch.Tensor:
    """up(down(x)), where `dense` would be applied."""
    if isinstance(dense, nn.Linear):
        return linear(linear(x, down), up)
    narrow = conv2d(x, down, None, dense.stride, dense.padding, dense.dilation)
    return conv2d(narrow, up)


def require_plain(layer: nn.Module) -> nn.Linear | nn.Conv2d:
    """The layer unchanged. Raises EdgeError E0081 unless it is one that `through` can follow."""
    if isinstance(layer, nn.Linear):
        return layer
    if isinstance(layer, nn.Conv2d) and layer.groups == 1 and layer.padding_mode == "zeros":
        return layer
    raise fail(
        "E0081", f"{type(layer).__name__} has no low-rank form here",
        help=["linear layers, and convolutions of one group padded with zeros, have"],
    )  # fmt: skip


def require_rank(rank: int) -> None:
    """Raises EdgeError E0081 unless the rank is at least 1."""
    if rank < 1:
        raise fail("E0081", f"a rank of {rank} cannot be tuned", help=["give a rank from 1 on"])
