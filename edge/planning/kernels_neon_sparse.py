"""The sparse kernels of runtime/kernels/neondot and neoni8mm: whole blocks of weights are zero.

What they cost follows from the blocks that are not: the planner compares it with the dense kernels.
Coefficients: tests/bench/fit_costs.py --block 4x8 on aarch64-i8mm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edge.ir import Graph, Node
from edge.planning.costs import Cost, Quantity, channels, pixels, rounded_twice, total
from edge.planning.kernels import Kernel, is_pointwise, pair
from edge.planning.kernels_neon import convolves, transforms
from edge.planning.runs import Runs
from edge.planning.weight_rows import weight_rows
from edge.sparsity.block_rows import nonzero_blocks

_CHANNELS = 4  # of a block
_STRIP, _QUAD = 16, 4  # pixels
_MOST_STORED = 0.8  # of the blocks; costs are too rough to tell whether more would pay
_MOST_TAPS = 4096  # of 16 pixels whose places fit uint16


@dataclass(frozen=True)
class Blocks:
    """Blocks of 4 output channels and `step` taps."""

    step: int

    def stored(self, graph: Graph, node: Node) -> int:
        return nonzero_blocks(weight_rows(graph, node), (_CHANNELS, self.step))

    def convolves(self, graph: Graph, node: Node) -> bool:
        _, _, kernel_w, in_c = graph.type(node.inputs[1]).shape
        dilated = kernel_w > 1 and pair(node, "dilation")[1] > 1
        whole = kernel_w * in_c % self.step == 0
        wide = convolves(graph, node) and not is_pointwise(graph, node)
        return wide and self._fits(graph, node) and whole and not dilated

    def transforms(self, graph: Graph, node: Node) -> bool:
        return transforms(graph, node) and self._fits(graph, node)

    def _fits(self, graph: Graph, node: Node) -> bool:
        """Whole blocks, of which enough are zero: with fewer a dense kernel is meant."""
        rows, taps = graph.type(node.inputs[1]).shape[0], _taps(graph, node)
        whole = rows % _CHANNELS == 0 and taps % self.step == 0 and taps <= _MOST_TAPS
        kept = self.stored(graph, node) * _CHANNELS * self.step
        return whole and kept < _MOST_STORED * rows * taps

    def products(self, flat: bool) -> tuple[Quantity, ...]:
        """Blocks and groups of 4 channels by runs of 16 pixels and of up to 4."""
        strips = Runs(flat, _STRIP)

        def strip_groups(graph: Graph, node: Node) -> int:
            return strips.blocks(graph, node) * (channels(graph, node) // _CHANNELS)

        def strip_blocks(graph: Graph, node: Node) -> int:
            return strips.blocks(graph, node) * self.stored(graph, node)

        def quads(graph: Graph, node: Node) -> int:
            rows = strips.kernel_calls(graph, node)
            return rows * -(-(strips.singles(graph, node) // rows) // _QUAD)

        def quad_groups(graph: Graph, node: Node) -> int:
            return quads(graph, node) * (channels(graph, node) // _CHANNELS)

        def quad_blocks(graph: Graph, node: Node) -> int:
            return quads(graph, node) * self.stored(graph, node)

        def calls_of_kernel(graph: Graph, node: Node) -> int:
            return strips.kernel_calls(graph, node)

        return (
            strip_blocks, strip_groups, quad_blocks, quad_groups, rounded_twice, quads,
            _gathered_taps, pixels, calls_of_kernel,
        )  # fmt: skip

    def transform_cost(self, *factors: float) -> Cost:
        return total(*zip(factors, self.products(flat=True), strict=True))

    def convolve_cost(self, *factors: float) -> Cost:
        quantities = (*self.products(flat=False), _window_rows)
        return total(*zip(factors, quantities, strict=True))


def _taps(graph: Graph, node: Node) -> int:
    return math.prod(graph.type(node.inputs[1]).shape[1:])


def _strip(graph: Graph, node: Node) -> int:
    return _STRIP * _taps(graph, node)


def _strip_and_columns(graph: Graph, node: Node) -> int:
    _, _, kernel_w, in_c = graph.type(node.inputs[1]).shape
    columns = (_STRIP - 1) * pair(node, "stride")[1] + kernel_w
    return _strip(graph, node) + columns * in_c


def _gathered_taps(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * _taps(graph, node)


def _window_rows(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * graph.type(node.inputs[1]).shape[1]


def _kernels(folder: str, blocks: Blocks, transform: Cost, convolve: Cost) -> Iterator[Kernel]:
    product = ("neon/sparse_multiply.c", f"{folder}/sparse.c")
    yield Kernel(
        f"{folder}/conv2d_sparse_s8", "conv2d", blocks.convolves, convolve, _strip_and_columns,
        sources=("neon/sparse_convolve.c", *product), sparse=True,
    )  # fmt: skip
    for op in ("conv2d", "linear"):
        yield Kernel(
            f"{folder}/linear_sparse_s8", op, blocks.transforms, transform, _strip, flat=True,
            buffered=True, sources=("neon/sparse_transform.c", *product), sparse=True,
        )  # fmt: skip


_FOURS, _EIGHTS = Blocks(4), Blocks(8)

DOT: tuple[Kernel, ...] = tuple(
    _kernels(
        "neondot",
        _FOURS,
        _FOURS.transform_cost(21, 108, 10.2, 48.8, 0.689, 164, 0.447, 15.8, 84),
        _FOURS.convolve_cost(20, 82.6, 10.6, 53.8, 0.82, 108, 0.578, 0, 66.7, 23.4),
    )
)
MATRIX: tuple[Kernel, ...] = tuple(
    _kernels(
        "neoni8mm",
        _EIGHTS,
        _EIGHTS.transform_cost(22.4, 111, 10.2, 54.4, 0.697, 154, 0.318, 19.8, 79.6),
        _EIGHTS.convolve_cost(21.6, 90.4, 11.1, 58.6, 0.784, 122, 0.427, 0, 57, 27.1),
    )
)
