"""Several changes of one weight at once: part of it removed, low rank and single entries added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

from edge.errors import fail
from edge.tuning.changes import Fields, WeightChange
from edge.tuning.deltas import Delta
from edge.tuning.low_rank import LowRank


@dataclass(frozen=True, eq=False)
class Mixed(WeightChange):
    """weight * keep + low_rank + delta, each of which may be absent, but not all.

    keep: bool, as large as the weight.
    """

    keep: torch.Tensor | None = None
    low_rank: LowRank | None = None
    delta: Delta | None = None

    kind = "mixed"

    @staticmethod
    def of(change: WeightChange) -> Mixed:
        """The same change in this form."""
        if isinstance(change, LowRank):
            return Mixed(low_rank=change)
        return Mixed(delta=change) if isinstance(change, Delta) else _mixed(change)

    @property
    def _added(self) -> list[LowRank | Delta]:
        return [part for part in (self.low_rank, self.delta) if part is not None]

    @property
    def size(self) -> tuple[int, ...]:
        """Shape of the weight."""
        return tuple(self.keep.shape) if self.keep is not None else self._added[0].size

    def on(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight, first thinned out and then added to."""
        if self.keep is not None:
            weight = weight * self.keep.to(weight.device)
        for part in self._added:
            weight = part.on(weight)
        return weight

    def fault(self) -> str | None:
        """What is wrong with it, None if nothing is."""
        if any(part.size != self.size for part in self._added):
            return f"parts of several shapes, {[list(p.size) for p in self._added]}"
        return next((fault for part in self._added if (fault := part.fault())), None)

    def fields(self) -> Fields:
        """keep, and those of the parts."""
        found = {} if self.keep is None else {"keep": self.keep}
        for part in self._added:
            found.update(part.fields())
        return found

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From the tensors of a file."""
        low_rank = LowRank.read(fields) if "down" in fields else None
        return cls(fields.get("keep"), low_rank, Delta.read(fields) if "index" in fields else None)

    @classmethod
    def total(cls, parts: Sequence[tuple[Self, float]]) -> Self:
        """The weighted sum of what is added, to the weight that their one mask keeps.

        Raises EdgeError E0086 if they keep different parts of the weight.
        """
        masks = [mixed.keep for mixed, _ in parts if mixed.keep is not None]
        if any(not torch.equal(mask, masks[0]) for mask in masks):
            raise fail(
                "E0086", "adapters that remove different weights have no sum",
                help=["tune them on one pruned model"],
            )  # fmt: skip
        low_ranks = [(m.low_rank, w) for m, w in parts if m.low_rank is not None]
        deltas = [(m.delta, w) for m, w in parts if m.delta is not None]
        return cls(
            masks[0] if masks else None,
            LowRank.total(low_ranks) if low_ranks else None,
            Delta.total(deltas) if deltas else None,
        )


def _mixed(change: WeightChange) -> Mixed:
    if not isinstance(change, Mixed):
        raise TypeError(f"{type(change).__name__} is no sum of parts")
    return change
