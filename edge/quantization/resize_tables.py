"""Source positions of a resize: for every output row and column the input index and fraction.

bilinear, int8, in every mode, as in LiteRT's reference kernel: with i, f of the row and j, g of
the column, n = min(i + 1, in_h - 1), m = min(j + 1, in_w - 1),

    v = x[i,j] (1024-f)(1024-g) + x[n,j] f (1024-g) + x[i,m] (1024-f) g + x[n,m] f g
    out = v / 2**20, rounded half away from zero
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.ir.shapes import ints

FRACTION_BITS = 10
Int16s = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class ResizeTables:
    """int16 index and Q10 fraction of each output row and column; nearest has no fractions."""

    row_index: Int16s
    row_fraction: Int16s | None
    column_index: Int16s
    column_fraction: Int16s | None


Axis = tuple[Int16s, Int16s | None]


def resize_tables(graph: Graph, node: Node) -> ResizeTables:
    """The tables of a nearest or int8 bilinear resize; input and output share quantization."""
    attrs = attributes(node)
    axis = _AXIS[str(attrs["mode"])]
    corners, centers = bool(attrs["align_corners"]), bool(attrs["half_pixel_centers"])
    _, in_h, in_w, _ = graph.type(node.inputs[0]).shape
    out_h, out_w = ints(attrs, "size")
    return ResizeTables(*axis(in_h, out_h, corners, centers), *axis(in_w, out_w, corners, centers))


def _nearest(size: int, out: int, corners: bool, centers: bool) -> Axis:
    """float32 throughout, as LiteRT computes the positions."""
    one = np.float32(1)
    stretched = corners and out > 1
    scale = one * (size - 1) / np.float32(out - 1) if stretched else one * size / np.float32(out)
    position = (np.arange(out, dtype=np.float32) + np.float32(0.5 if centers else 0)) * scale
    index = np.floor(position.astype(np.float64) + (0.5 if corners else 0.0))
    return np.clip(index, 0, size - 1).astype(np.int16), None


def _bilinear(size: int, out: int, corners: bool, centers: bool) -> Axis:
    one = 1 << FRACTION_BITS
    scale = (one * size + out // 2) // out
    if corners and out > 1:
        scale = (one * (size - 1) + (out - 1) // 2) // (out - 1)
    position = np.arange(out) * scale
    if centers:
        position += scale // 2 - one // 2
    # Clipping changes no result: before the first and after the last pixel both neighbours are
    # the same pixel, so the fraction does not matter.
    position = np.clip(position, 0, one * (size - 1))
    return (position // one).astype(np.int16), (position % one).astype(np.int16)


def float_positions(
    size: int, out: int, corners: bool, centers: bool
) -> tuple[Int16s, npt.NDArray[np.float32]]:
    """Of a float bilinear resize along one axis: input index and weight of the next pixel.

    Computed in float32.
    """
    stretched = corners and out > 1
    scale = np.float32(size - 1) / np.float32(out - 1) if stretched else np.float32(size) / out
    position = np.arange(out, dtype=np.float32) * scale
    if centers:
        position = (np.arange(out, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    position = np.clip(position, 0, np.float32(size - 1)).astype(np.float32)
    index = np.floor(position).astype(np.int16)
    return index, position - index.astype(np.float32)


_AXIS: dict[str, Callable[[int, int, bool, bool], Axis]] = {
    "nearest": _nearest,
    "bilinear": _bilinear,
}
