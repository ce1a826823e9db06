"""What a layout does: dense numbers [out, in] into `Parts` and back.

What is zero in the numbers decides what is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from edge.errors import EdgeError, fail
from edge.sparsity.patterns import Pattern

PACK = "E0093"


@dataclass(frozen=True, eq=False)
class Parts:
    """Stored numbers, the index that says where they belong, and the dense tail."""

    values: torch.Tensor
    index: torch.Tensor
    tail: torch.Tensor | None = None


class Layout(Protocol):
    """How the weights of one pattern are stored."""

    def pack(self, numbers: torch.Tensor, bits: int) -> Parts:
        """Of dense numbers [out, in]. Raises EdgeError E0093 if they do not have the pattern."""

    def unpack(self, parts: Parts, shape: tuple[int, int], bits: int) -> torch.Tensor:
        """Dense numbers [out, in]."""

    def is_whole(self, parts: Parts, shape: tuple[int, int], bits: int) -> bool:
        """Whether the parts fit the shape and each other."""


def not_of(pattern: Pattern) -> EdgeError:
    """The error for weights that have not the pattern."""
    return fail(PACK, f"the weights do not have the pattern {pattern}",
                help=[f"prune them with it first: edge prune --pattern {pattern}"])  # fmt: skip
