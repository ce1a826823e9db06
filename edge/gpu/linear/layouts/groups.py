"""Groups of consecutive inputs, and the inputs behind the last whole group, which stay dense."""

from __future__ import annotations

import torch

from edge.gpu.linear.layouts.layout import Parts
from edge.gpu.linear.numbers import loaded, stored, stored_length


def place_bits(m: int) -> int:
    """Bits of a position in a group of m."""
    return (m - 1).bit_length()


def split(numbers: torch.Tensor, m: int, bits: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """[out, groups, m] and the stored tail."""
    whole = numbers.shape[1] // m * m
    tail = stored(numbers[:, whole:], bits) if whole < numbers.shape[1] else None
    return numbers[:, :whole].reshape(len(numbers), whole // m, m), tail


def joined(groups: torch.Tensor, parts: Parts, shape: tuple[int, int], bits: int) -> torch.Tensor:
    whole = groups.flatten(1)
    if parts.tail is None:
        return whole
    return torch.cat([whole, loaded(parts.tail, bits, shape[1] - whole.shape[1])], 1)


def nonzero_first(groups: torch.Tensor) -> torch.Tensor:
    """Positions [..., m]: of weights that are not zero, then of zeros, each ascending."""
    return (groups == 0).to(torch.int8).argsort(dim=-1, stable=True)


def tail_is_whole(parts: Parts, shape: tuple[int, int], m: int, bits: int) -> bool:
    """Whether the tail is there as it should."""
    left = shape[1] % m
    wanted = (shape[0], stored_length(left, bits)) if left else None
    return (None if parts.tail is None else tuple(parts.tail.shape)) == wanted
