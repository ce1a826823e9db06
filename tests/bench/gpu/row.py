"""What a row of the table is, and where it is measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """tiny: shapes that a CPU can run, to prove the code; what is timed then means nothing."""

    tiny: bool = False

    @property
    def device(self) -> str:
        return "cuda" if torch.cuda.is_available() else "cpu"

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.device == "cuda" else torch.float32

    def pick(self, real: T, tiny: T) -> T:
        return tiny if self.tiny else real

    def random(self, *shape: int, seed: int = 0, dtype: torch.dtype | None = None) -> torch.Tensor:
        generator = torch.Generator(self.device).manual_seed(seed)
        return torch.randn(
            *shape, generator=generator, device=self.device, dtype=dtype or self.dtype
        )


@dataclass(frozen=True)
class Row:
    """ours and dense: of one run, in `unit`, where less is better unless it says "per s".

    times: how much better ours is, what `target` speaks of unless `met` says otherwise.
    """

    case: str
    ours: float | None = None
    dense: float | None = None
    unit: str = "ms"
    target: float | None = None
    density: float | None = None
    index_ms: float | None = None
    error_4k: float | None = None
    note: str = ""
    met: bool | None = None

    @property
    def times(self) -> float | None:
        if not self.ours or self.dense is None:
            return None
        return self.ours / self.dense if "per s" in self.unit else self.dense / self.ours

    @property
    def reached(self) -> bool | None:
        """None where there is no target for it."""
        if self.met is not None or self.target is None or self.times is None:
            return self.met
        return self.times >= self.target


def mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
