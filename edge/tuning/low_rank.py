"""Changes of low rank, as LoRA makes them (Hu et al. 2021, arXiv:2106.09685)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

from edge.serving.adapter import LowRank as Served
from edge.tuning.changes import Fields, WeightChange, finite


@dataclass(frozen=True, eq=False)
class LowRank(Served, WeightChange):
    """scale * up down, added to the weight of a linear layer or convolution.

    down: [rank, inputs] or [rank, inputs, height, width]; up: [outputs, rank] or
    [outputs, rank, 1, 1].
    """

    kind = "low-rank"

    @property
    def size(self) -> tuple[int, ...]:
        """Shape of the weight."""
        return (self.up.shape[0], *self.down.shape[1:])

    def product(self) -> torch.Tensor:
        """The change, as large as the weight."""
        change: torch.Tensor = self.scale * (self.up.flatten(1) @ self.down.flatten(1))
        return change.view(self.size)

    def on(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight with the product added."""
        return weight + self.product().to(weight)

    def fault(self) -> str | None:
        """What is wrong with it, None if nothing is."""
        if self.up.ndim != self.down.ndim or self.up.shape[1] != self.rank:
            return f"{list(self.up.shape)} and {list(self.down.shape)}, no pair of one rank"
        return finite(self.fields())

    def fields(self) -> Fields:
        """down, up and scale."""
        return {"down": self.down, "up": self.up, "scale": torch.tensor(self.scale)}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From the tensors of a file."""
        return cls(fields["down"], fields["up"], float(fields["scale"]))

    @classmethod
    def total(cls, parts: Sequence[tuple[Self, float]]) -> Self:
        """The weighted sum, exactly: ranks add up, side by side."""
        down = torch.cat([part.down for part, _ in parts])
        return cls(down, torch.cat([p.up * (p.scale * weight) for p, weight in parts], 1), 1.0)
