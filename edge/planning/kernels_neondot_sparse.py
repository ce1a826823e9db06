"""The sparse kernels of runtime/kernels/neondot, for weights of which whole blocks are zero.

What they cost follows from the blocks that are not: the planner compares it with the dense kernels.
"""

from __future__ import annotations

import math

from edge.ir import Graph, Node
from edge.planning.costs import Cost, Quantity, channels, pixels, rounded_twice, total
from edge.planning.kernels import Kernel, pair
from edge.planning.kernels_neon import convolves, transforms
from edge.planning.runs import Runs
from edge.planning.weight_rows import weight_rows
from edge.sparsity.block_rows import nonzero_blocks

_BLOCK = (4, 4)
_STRIP, _QUAD = 16, 4  # pixels
_MOST_STORED = 0.8  # of the blocks; costs are too rough to tell whether more would pay
_MOST_TAPS = 4096  # of 16 pixels whose offsets fit uint16


def _fits(graph: Graph, node: Node) -> bool:
    """Whole blocks, of which enough are zero: with fewer a dense kernel is meant."""
    rows, taps = graph.type(node.inputs[1]).shape[0], _taps(graph, node)
    whole = rows % _BLOCK[0] == 0 and taps % _BLOCK[1] == 0 and taps <= _MOST_TAPS
    blocks = nonzero_blocks(weight_rows(graph, node), _BLOCK)
    return whole and blocks * _BLOCK[0] * _BLOCK[1] < _MOST_STORED * rows * taps


def _convolves(graph: Graph, node: Node) -> bool:
    _, _, kernel_w, in_c = graph.type(node.inputs[1]).shape
    dilated = kernel_w > 1 and pair(node, "dilation")[1] > 1
    whole = kernel_w * in_c % _BLOCK[1] == 0
    return convolves(graph, node) and _fits(graph, node) and whole and not dilated


def _transforms(graph: Graph, node: Node) -> bool:
    return transforms(graph, node) and _fits(graph, node)


def _taps(graph: Graph, node: Node) -> int:
    return math.prod(graph.type(node.inputs[1]).shape[1:])


def _strip(graph: Graph, node: Node) -> int:
    return _STRIP * _taps(graph, node)


def _strip_and_columns(graph: Graph, node: Node) -> int:
    _, _, kernel_w, in_c = graph.type(node.inputs[1]).shape
    columns = (_STRIP - 1) * pair(node, "stride")[1] + kernel_w
    return _strip(graph, node) + columns * in_c


def _products(flat: bool) -> tuple[Quantity, ...]:
    """Blocks and groups of 4 channels by runs of 16 pixels and of up to 4."""
    strips = Runs(flat, _STRIP)

    def strip_groups(graph: Graph, node: Node) -> int:
        return strips.blocks(graph, node) * (channels(graph, node) // _BLOCK[0])

    def strip_blocks(graph: Graph, node: Node) -> int:
        return strips.blocks(graph, node) * nonzero_blocks(weight_rows(graph, node), _BLOCK)

    def quads(graph: Graph, node: Node) -> int:
        rows = strips.kernel_calls(graph, node)
        return rows * -(-(strips.singles(graph, node) // rows) // _QUAD)

    def quad_groups(graph: Graph, node: Node) -> int:
        return quads(graph, node) * (channels(graph, node) // _BLOCK[0])

    def quad_blocks(graph: Graph, node: Node) -> int:
        return quads(graph, node) * nonzero_blocks(weight_rows(graph, node), _BLOCK)

    def calls_of_kernel(graph: Graph, node: Node) -> int:
        return strips.kernel_calls(graph, node)

    return (
        strip_blocks, strip_groups, quad_blocks, quad_groups, rounded_twice, quads,
        _gathered_taps, pixels, calls_of_kernel,
    )  # fmt: skip


def _gathered_taps(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * _taps(graph, node)


def _window_rows(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * graph.type(node.inputs[1]).shape[1]


def _cost(*factors: float, flat: bool) -> Cost:
    quantities = _products(flat) if flat else (*_products(flat), _window_rows)
    return total(*zip(factors, quantities, strict=True))


_TRANSFORM_COST = _cost(21.5, 116, 10.4, 41.5, 0.697, 151, 0.415, 14.4, 122, flat=True)
_CONVOLVE_COST = _cost(28.2, 72.2, 10.3, 53, 0.832, 81.4, 0.63, 0, 71.9, 23, flat=False)


KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "neondot/conv2d_sparse_s8", "conv2d", _convolves, _CONVOLVE_COST, _strip_and_columns,
        sources=("neondot/sparse.c",), sparse=True,
    ),
    *(
        Kernel(
            "neondot/linear_sparse_s8", op, _transforms, _TRANSFORM_COST, _strip, flat=True,
            buffered=True, sources=("neondot/sparse.c",), sparse=True,
        )
        for op in ("conv2d", "linear")
    ),
)  # fmt: skip
