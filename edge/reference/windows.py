"""Sliding windows over NHWC arrays, for convolutions and pools of any element type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from edge.ir.shapes import window
from edge.reference.call import Call

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Geometry of a window; padding is top, bottom, left, right."""

    kernel: Pair
    stride: Pair
    padding: tuple[int, int, int, int]
    dilation: Pair = (1, 1)

    @staticmethod
    def of(call: Call, kernel: tuple[int, ...]) -> Window:
        """The window of a convolution or pool node."""
        dilation = call.ints("dilation") if "dilation" in call.attrs else (1, 1)
        top, bottom, left, right = call.ints("padding")
        return Window(
            _pair(kernel), _pair(call.ints("stride")), (top, bottom, left, right), _pair(dilation)
        )

    def output_size(self, height: int, width: int) -> Pair:
        """Output rows and columns for an input of the given size."""
        top, bottom, left, right = self.padding
        return (
            window(height, self.kernel[0], self.stride[0], top, bottom, self.dilation[0]),
            window(width, self.kernel[1], self.stride[1], left, right, self.dilation[1]),
        )

    def padded(self, x: npt.NDArray[Any], value: float) -> npt.NDArray[Any]:
        """x with `value` around its rows and columns."""
        top, bottom, left, right = self.padding
        if not any(self.padding):
            return x
        return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)

    def patches(self, x: npt.NDArray[Any], value: float) -> npt.NDArray[Any]:
        """A view [samples, out_h, out_w, kernel_h, kernel_w, channels] of the padded input."""
        out_h, out_w = self.output_size(x.shape[1], x.shape[2])
        padded = np.ascontiguousarray(self.padded(x, value))
        n, h, w, c = padded.strides
        (stride_h, stride_w), (dilation_h, dilation_w) = self.stride, self.dilation
        return as_strided(
            padded,
            (x.shape[0], out_h, out_w, *self.kernel, x.shape[3]),
            (n, h * stride_h, w * stride_w, h * dilation_h, w * dilation_w, c),
            writeable=False,
        )

    def taps(
        self, x: npt.NDArray[Any], value: float
    ) -> Iterator[tuple[int, int, npt.NDArray[Any]]]:
        """For each kernel position (y, x) the view [samples, out_h, out_w, channels] under it."""
        patches = self.patches(x, value)
        for ky in range(self.kernel[0]):
            for kx in range(self.kernel[1]):
                yield ky, kx, patches[:, :, :, ky, kx]


@dataclass(frozen=True)
class Spread:
    """Geometry of a transposed convolution: each input position adds a kernel to the output.

    `count` is the size of the input, `full` that of the output before padding cuts it, `size` that
    of the output.
    """

    count: Pair
    kernel: Pair
    stride: Pair
    before: Pair
    full: Pair
    size: Pair

    @staticmethod
    def of(call: Call) -> Spread:
        kernel, stride = call.input(1).shape[1:3], call.ints("stride")
        size, padding = call.output.shape[1:3], call.ints("padding")
        full = [n + p + q for n, p, q in zip(size, padding[0::2], padding[1::2], strict=True)]
        count = call.input(0).shape[1:3]
        return Spread(*map(_pair, (count, kernel, stride, padding[0::2], tuple(full), size)))

    def taps(self, full: npt.NDArray[Any]) -> Iterator[tuple[int, int, npt.NDArray[Any]]]:
        """For each kernel position (y, x) the view of `full` that the inputs reach through it."""
        (stride_h, stride_w), (rows, columns) = self.stride, self.count
        for ky in range(self.kernel[0]):
            down = slice(ky, ky + (rows - 1) * stride_h + 1, stride_h)
            for kx in range(self.kernel[1]):
                across = slice(kx, kx + (columns - 1) * stride_w + 1, stride_w)
                yield ky, kx, full[:, down, across]

    def cut(self, full: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What padding leaves."""
        (top, left), (height, width) = self.before, self.size
        return full[:, top : top + height, left : left + width]


def _pair(values: tuple[int, ...]) -> Pair:
    return values[0], values[1]
