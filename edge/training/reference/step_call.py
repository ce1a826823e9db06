"""What a reference kernel of a training operator is given, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.ir.graph import Attr
from edge.ir.types import Array
from edge.reference.call import Call
from edge.reference.windows import Window

StepKernel = Callable[["StepCall"], tuple[Array, ...]]


@dataclass(frozen=True, eq=False)
class StepCall(Call):
    """A call of a training operator, whose attributes are all given by its node."""

    @cached_property
    def attrs(self) -> Mapping[str, Attr]:
        return self.node.attrs

    def integer(self, name: str) -> int:
        return int(self.number(name))

    def shape(self, slot: int = 0) -> tuple[int, ...]:
        """The declared shape of an output."""
        return self.graph.type(self.node.outputs[slot]).shape

    def exponent(self, slot: int = 1) -> int:
        return int(self.input(slot)[0])

    def plain(self) -> Call:
        """The call of the inference operator that a masked one extends."""
        op = self.node.op.removeprefix("masked_")
        return Call(
            self.graph, replace(self.node, op=op, outputs=self.node.outputs[:1]), self.inputs
        )


def packed_bits(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Bit i % 8 of byte i / 8 for element i."""
    return np.packbits(inside.reshape(-1), bitorder="little")


def unpacked_bits(mask: Array, elements: int) -> npt.NDArray[np.bool_]:
    return np.unpackbits(np.asarray(mask, np.uint8), count=elements, bitorder="little").astype(bool)


def scatter_taps(
    window: Window, canvas: npt.NDArray[Any], positions: tuple[int, ...]
) -> Iterator[tuple[int, int, npt.NDArray[Any]]]:
    """For each kernel position (y, x) the view of a padded canvas [1, H, W, C] under it."""
    (stride_h, stride_w), (dilation_h, dilation_w) = window.stride, window.dilation
    for ky in range(window.kernel[0]):
        top = ky * dilation_h
        down = slice(top, top + (positions[0] - 1) * stride_h + 1, stride_h)
        for kx in range(window.kernel[1]):
            left = kx * dilation_w
            across = slice(left, left + (positions[1] - 1) * stride_w + 1, stride_w)
            yield ky, kx, canvas[:, down, across]


def canvas_for(window: Window, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Zeros in the shape of an input with its padding."""
    top, bottom, left, right = window.padding
    return np.zeros((shape[0], shape[1] + top + bottom, shape[2] + left + right, shape[3]), dtype)


def without_padding(
    window: Window, canvas: npt.NDArray[Any], shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    top, _, left, _ = window.padding
    return canvas[:, top : top + shape[1], left : left + shape[2]]
