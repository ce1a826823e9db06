"""Changes of a few entries or columns of a weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import nn

from edge.tuning.changes import Fields, Undo, WeightChange


@dataclass(frozen=True, eq=False)
class Delta(WeightChange):
    """What is added to a weight of `shape`.

    Columns: index i64[n] and values [rows, n]. Entries: index i64[n] into the flat weight and
    values [n]. No index occurs twice.
    """

    index: torch.Tensor
    values: torch.Tensor
    shape: tuple[int, ...]

    kind = "delta"

    @staticmethod
    def whole(change: torch.Tensor) -> Delta:
        """Every entry of a weight, as of a norm."""
        index = torch.arange(change.numel(), device=change.device)
        return Delta(index, change.flatten(), tuple(change.shape))

    @property
    def size(self) -> tuple[int, ...]:
        """Shape of the weight."""
        return self.shape

    def flat(self) -> torch.Tensor:
        """Positions in the flat weight, in the order of the flat values."""
        if self.values.ndim == 1:
            return self.index
        rows = torch.arange(self.shape[0], device=self.index.device)
        return (rows[:, None] * self.shape[1] + self.index).flatten()

    def on(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight with the values added."""
        added = weight.flatten()
        values = self.values.flatten().to(weight)
        return added.index_add(0, self.flat().to(weight.device), values).view_as(weight)

    @torch.no_grad()
    def put(self, model: nn.Module, name: str) -> Undo:
        """Change the weight; the undo holds only the entries that changed."""
        flat, index = model.get_parameter(name).view(-1), self.flat()
        index = index.to(flat.device)
        old = flat[index]
        flat[index] += self.values.flatten().to(flat)
        return lambda: _write(flat, index, old)

    def fault(self) -> str | None:
        """What is wrong with it, None if nothing is."""
        columns = self.values.ndim == 2 and len(self.shape) == 2
        entries = self.values.ndim == 1
        most = self.shape[1] if columns else math.prod(self.shape)
        rows = (self.shape[0], len(self.index)) if columns else (len(self.index),)
        if not (columns or entries) or tuple(self.values.shape) != rows:
            return f"{list(self.values.shape)} values for {len(self.index)} places"
        if len(self.index) and not 0 <= int(self.index.min()) <= int(self.index.max()) < most:
            return f"a place outside the weight {list(self.shape)}"
        if len(self.index.unique()) != len(self.index):  # type: ignore[no-untyped-call]
            return "a place that occurs twice"
        return None if bool(self.values.isfinite().all()) else "values that are not finite"

    def fields(self) -> Fields:
        """index, values and shape."""
        return {"index": self.index, "values": self.values, "shape": torch.tensor(self.shape)}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From the tensors of a file."""
        return cls(fields["index"], fields["values"], tuple(fields["shape"].tolist()))

    @classmethod
    def total(cls, parts: Sequence[tuple[Self, float]]) -> Self:
        """The weighted sum, as entries, added up in the order given."""
        positions = torch.cat([delta.flat() for delta, _ in parts])
        index, place = positions.unique(return_inverse=True)  # type: ignore[no-untyped-call]
        values = torch.zeros(len(index), dtype=parts[0][0].values.dtype, device=index.device)
        start = 0
        for delta, weight in parts:
            count = delta.values.numel()
            values.index_add_(0, place[start : start + count], delta.values.flatten() * weight)
            start += count
        return cls(index, values, parts[0][0].shape)


@torch.no_grad()
def _write(flat: torch.Tensor, index: torch.Tensor, values: torch.Tensor) -> None:
    flat[index] = values
