"""Groups that keep different numbers of weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge.gpu.linear.bit_stream import packed_bits, stream_bytes, unpacked_bits
from edge.gpu.linear.layouts.groups import joined, nonzero_first, place_bits, split, tail_is_whole
from edge.gpu.linear.layouts.layout import Parts, not_of
from edge.gpu.linear.numbers import TYPES, loaded, stored, stored_length
from edge.sparsity.variable_nm import VariableNM


@dataclass(frozen=True)
class VariableGroups:
    """Of every group of m as many weights as its code says. All in row order, without gaps.

    index: the codes of all groups, then the positions in groups that are kept in part.
    """

    pattern: VariableNM

    def pack(self, numbers: torch.Tensor, bits: int) -> Parts:
        """Each group gets the least count that holds its weights."""
        groups, tail = split(numbers, self.pattern.m, bits)
        counts = torch.tensor(self.pattern.n, device=numbers.device)
        flat = groups.flatten(0, 1)
        if max(self.pattern.n) < self.pattern.m and bool(((flat != 0).sum(1) > counts[-1]).any()):
            raise not_of(self.pattern)
        codes = torch.searchsorted(counts, (flat != 0).sum(1))
        kept = torch.zeros_like(flat, dtype=torch.bool)
        chosen = torch.arange(self.pattern.m, device=numbers.device) < counts[codes][:, None]
        kept.scatter_(1, nonzero_first(flat), chosen)
        places = kept[~kept.all(1)].nonzero()[:, 1]
        index = (
            packed_bits(codes, self.pattern.code_bits),
            packed_bits(places, place_bits(self.pattern.m)),
        )
        return Parts(stored(flat[kept], bits), torch.cat(index), tail)

    def unpack(self, parts: Parts, shape: tuple[int, int], bits: int) -> torch.Tensor:
        """The inverse of `pack`."""
        kept = self.kept(parts.index, shape)
        flat = torch.zeros(kept.shape, dtype=TYPES[bits], device=parts.values.device)
        flat[kept] = loaded(parts.values, bits, int(kept.sum()))
        return joined(
            flat.view(shape[0], shape[1] // self.pattern.m, self.pattern.m), parts, shape, bits
        )

    def kept(self, index: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        """bool[groups of all rows, m]."""
        counts, head = self._counts(index, shape), self._head_bytes(shape)
        kept = torch.zeros(len(counts), self.pattern.m, dtype=torch.bool, device=index.device)
        kept[counts == self.pattern.m] = True
        part = (counts < self.pattern.m).nonzero()[:, 0]
        owners = part.repeat_interleave(counts[part])
        places = unpacked_bits(index[head:], place_bits(self.pattern.m), len(owners)).long()
        kept[owners, places] = True
        return kept

    def is_whole(self, parts: Parts, shape: tuple[int, int], bits: int) -> bool:
        """The codes say how long the rest is."""
        if len(parts.index) < self._head_bytes(shape):
            return False
        counts = self._counts(parts.index, shape)
        places = int(counts[counts < self.pattern.m].sum())
        index = self._head_bytes(shape) + stream_bytes(places, place_bits(self.pattern.m))
        values = stored_length(int(counts.sum()), bits)
        return (len(parts.index), len(parts.values)) == (index, values) and tail_is_whole(
            parts, shape, self.pattern.m, bits
        )

    def _counts(self, index: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        """int64[groups of all rows]; a code that means nothing counts as empty."""
        groups, known = shape[0] * (shape[1] // self.pattern.m), len(self.pattern.n)
        codes = unpacked_bits(index[: self._head_bytes(shape)], self.pattern.code_bits, groups)
        counts = torch.tensor(self.pattern.n, device=index.device)[
            codes.long().clamp(max=known - 1)
        ]
        return counts * (codes < known)

    def _head_bytes(self, shape: tuple[int, int]) -> int:
        """Bytes of the codes."""
        return stream_bytes(shape[0] * (shape[1] // self.pattern.m), self.pattern.code_bits)
