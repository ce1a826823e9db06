"""The sparse kernels of runtime/kernels/mve, for weights of which whole blocks are zero.

What they cost follows from the blocks that are not: the planner compares it with the dense kernels.
"""

from __future__ import annotations

import math

from edge.ir import Graph, Node, Rounding
from edge.ir.ops import attributes
from edge.planning.kernels import Kernel, has_weights, is_pointwise, is_single_image
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.mve_scale import right_shifts
from edge.sparsity.block_rows import nonzero_blocks

_BLOCK, _GATHERED = (2, 16), (4, 4)
_PIXELS = 4
_MOST_VECTORS = 255  # columns that a byte names beside the end mark
_MOST_WORDS = 256
_STRIP_BYTES = 64  # a vector


def _weighs(graph: Graph, node: Node) -> bool:
    return (
        has_weights(graph, node)
        and right_shifts(constants.weighted(graph, node).requantize) is not None
    )


def _taps(graph: Graph, node: Node) -> int:
    return math.prod(graph.type(node.inputs[1]).shape[1:])


def _vectors(graph: Graph, node: Node) -> int:
    return -(-_taps(graph, node) // _BLOCK[1])


def _multiplies(graph: Graph, node: Node) -> bool:
    even = graph.type(node.inputs[1]).shape[0] % _BLOCK[0] == 0
    return even and _vectors(graph, node) <= _MOST_VECTORS and _weighs(graph, node)


def _convolves(graph: Graph, node: Node) -> bool:
    return (
        is_single_image(graph, node)
        and attributes(node)["groups"] == 1
        and graph.type(node.inputs[1]).shape[3] % _BLOCK[1] == 0
        and _multiplies(graph, node)
    )


def _pointwise(graph: Graph, node: Node) -> bool:
    return is_pointwise(graph, node) and _multiplies(graph, node)


def _strip_bytes(graph: Graph, node: Node) -> int:
    return _STRIP_BYTES * _vectors(graph, node)


def _strip_cost(graph: Graph, node: Node) -> int:
    """A strip and its products with all channels."""
    pairs = graph.type(node.inputs[1]).shape[0] // _BLOCK[0]
    blocks = nonzero_blocks(weight_rows(graph, node), _BLOCK)
    scaled = 30 if graph.rounding is Rounding.SINGLE else 37
    return int(16.8 * blocks + scaled * pairs + 12 * _vectors(graph, node) + 150)


def _conv2d_cost(graph: Graph, node: Node) -> int:
    _, rows, columns, _ = graph.type(node.output).shape
    windows = 130 * graph.type(node.inputs[1]).shape[1]
    return rows * -(-columns // _PIXELS) * (_strip_cost(graph, node) + windows)


def _pixels(graph: Graph, node: Node) -> int:
    return math.prod(graph.type(node.output).shape[:-1])


def _pointwise_cost(graph: Graph, node: Node) -> int:
    return -(-_pixels(graph, node) // _PIXELS) * _strip_cost(graph, node)


def _linear(graph: Graph, node: Node) -> bool:
    taps = _taps(graph, node)
    return taps % 4 == 0 and taps // 4 <= _MOST_WORDS and _weighs(graph, node)


def _linear_cost(graph: Graph, node: Node) -> int:
    groups = -(-graph.type(node.inputs[1]).shape[0] // _GATHERED[0])
    blocks = nonzero_blocks(weight_rows(graph, node), _GATHERED)
    return int(_pixels(graph, node) * (11 / 4 * blocks + 22 * groups + 60))


_SOURCES = ("mve/sparse_strips.c", "mve/sparse_2x16.S")


def _products(op: str) -> Kernel:
    accepts = _pointwise if op == "conv2d" else _multiplies
    return Kernel(
        "mve/pointwise_conv2d_sparse_s8", op, accepts, _pointwise_cost, _strip_bytes,
        flat=True, buffered=True, sources=_SOURCES, sparse=True,
    )  # fmt: skip


KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "mve/conv2d_sparse_s8", "conv2d", _convolves, _conv2d_cost, _strip_bytes, sources=_SOURCES,
        sparse=True,
    ),
    _products("conv2d"),
    _products("linear"),
    Kernel(
        "mve/linear_sparse_s8", "linear", _linear, _linear_cost, flat=True,
        sources=("mve/dot_1x4.S",), sparse=True,
    ),
)  # fmt: skip
