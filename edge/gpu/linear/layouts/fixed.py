"""N:M: as many weights of every group."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.linear.bit_stream import packed_bits, stream_bytes, unpacked_bits
from edge.gpu.linear.layouts.groups import joined, nonzero_first, place_bits, split, tail_is_whole
from edge.gpu.linear.layouts.layout import Parts, not_of
from edge.gpu.linear.numbers import TYPES, loaded, stored, stored_length
from edge.sparsity.patterns import NM


@dataclass(frozen=True)
class FixedGroups:
    """N:M. values [out, groups * n], index: n positions of each group in a bit stream a row.

    Positions ascend; where fewer than n weights of a group are not zero, its first zeros fill up.
    """

    pattern: NM

    def pack(self, numbers: torch.Tensor, bits: int) -> Parts:
        """Rows of equal length."""
        groups, tail = split(numbers, self.pattern.m, bits)
        if bool(((groups != 0).sum(-1) > self.pattern.n).any()):
            raise not_of(self.pattern)
        kept = nonzero_first(groups)[..., : self.pattern.n].sort(-1).values
        values = stored(groups.gather(-1, kept).flatten(1), bits)
        return Parts(values, packed_bits(kept.flatten(1), place_bits(self.pattern.m)), tail)

    def unpack(self, parts: Parts, shape: tuple[int, int], bits: int) -> torch.Tensor:
        """Positions may come in any order."""
        n, m = self.pattern.n, self.pattern.m
        rows, count = shape[0], shape[1] // m
        places = unpacked_bits(parts.index, place_bits(m), count * n).long()
        groups = torch.zeros(rows, count, m, dtype=TYPES[bits], device=parts.values.device)
        values = loaded(parts.values, bits, count * n).reshape(rows, count, n)
        groups.scatter_(2, places.reshape(rows, count, n), values)
        return joined(groups, parts, shape, bits)

    def is_whole(self, parts: Parts, shape: tuple[int, int], bits: int) -> bool:
        """All rows are equally long, and positions are below m where bits allow more."""
        rows, kept = shape[0], shape[1] // self.pattern.m * self.pattern.n
        place = place_bits(self.pattern.m)
        index = (rows, stream_bytes(kept, place))
        return (
            tuple(parts.values.shape) == (rows, stored_length(kept, bits))
            and tuple(parts.index.shape) == index
            and not bool((unpacked_bits(parts.index, place, kept) >= self.pattern.m).any())
            and tail_is_whole(parts, shape, self.pattern.m, bits)
        )
