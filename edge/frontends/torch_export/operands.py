"""What an argument of a torch operator stands for while a program is imported.

A torch tensor keeps torch's dimension numbers; its layout says how the graph stores it. So a
permute only relabels dimensions, and data moves where an operator needs another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.ir import Quantization
from edge.ir.types import Array
from edge.quantization.affine import dequantize

Layout = tuple[int, ...]
"""Torch dimensions in the order in which they are stored; NEW is an axis of size 1 of ours."""

NEW = -1
NHWC: Layout = (0, 2, 3, 1)
N1LC: Layout = (0, NEW, 2, 1)
"""A [N, C, L] tensor stored as an NHWC image of height 1."""


def plain(rank: int) -> Layout:
    """Torch's own order."""
    return tuple(range(rank))


def default_layout(rank: int) -> Layout:
    """The order of the model's inputs and outputs: NHWC for rank 4, else torch's."""
    return NHWC if rank == 4 else plain(rank)


def without(layout: Layout, dims: Sequence[int]) -> Layout:
    """The layout after torch dimensions, and axes of ours, are gone."""
    kept = [dim for dim in layout if dim != NEW and dim not in dims]
    return tuple(sorted(kept).index(dim) for dim in kept)


@dataclass(frozen=True)
class Tensor:
    """A computed tensor: the graph value that stores it, its torch shape and its layout."""

    name: str
    shape: tuple[int, ...]
    layout: Layout

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def stored_shape(self) -> tuple[int, ...]:
        return tuple(1 if dim == NEW else self.shape[dim] for dim in self.layout)

    def axis(self, dim: int) -> int:
        """The stored axis of a torch dimension, which may be negative."""
        return self.layout.index(dim % self.rank)


@dataclass(frozen=True, eq=False)
class Constant:
    """A parameter, buffer or folded tensor in torch's dimension order.

    With a quantization, `array` holds the stored integers and the constant means their real values.
    """

    name: str
    array: Array
    quantization: Quantization | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def real(self) -> Array:
        """The values as float32 (integers stay integers unless quantized)."""
        if self.quantization is None:
            return self.array
        return dequantize(self.array, self.quantization)

    def transposed(self, permutation: tuple[int, ...]) -> Constant:
        quantization = self.quantization
        if quantization and quantization.axis is not None:
            axis = permutation.index(quantization.axis)
            quantization = Quantization(quantization.scale, quantization.zero_point, axis)
        return Constant(self.name, np.transpose(self.array, permutation), quantization)


Operand = Tensor | Constant | tuple["Operand", ...]
"""An operator with several results gives a tuple."""
