"""An independent check of a placement: no two tensors may share a byte while both are alive.

Paints every step on an arena of labels; shares no code with the planner that chose the offsets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_FREE = -1


@dataclass(frozen=True)
class Lifetime:
    """A tensor of `size` bytes that is alive in the steps start <= step < end."""

    start: int
    end: int
    size: int


def conflicts(tensors: Mapping[str, Lifetime], offsets: Mapping[str, int]) -> set[tuple[str, str]]:
    """The pairs, in the order of `tensors`, that share a byte in some step."""
    names = list(tensors)
    arena = max((offsets[name] + tensor.size for name, tensor in tensors.items()), default=0)
    found: set[tuple[str, str]] = set()
    for step in range(max((tensor.end for tensor in tensors.values()), default=0)):
        label = np.full(arena, _FREE, np.int32)
        for index, name in enumerate(names):
            tensor = tensors[name]
            if tensor.start <= step < tensor.end:
                painted = label[offsets[name] : offsets[name] + tensor.size]
                taken = np.unique(painted[painted != _FREE]).tolist()
                found.update((names[other], name) for other in taken)
                painted[:] = index
    return found


def most_alive(tensors: Mapping[str, Lifetime]) -> int:
    """The most bytes that are alive in one step: no placement is smaller."""
    alive = np.zeros(max((tensor.end for tensor in tensors.values()), default=0) + 1, np.int64)
    for tensor in tensors.values():
        alive[tensor.start : tensor.end] += tensor.size
    return int(alive.max())
