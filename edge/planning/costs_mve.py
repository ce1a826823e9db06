"""Costs of the kernels in runtime/kernels/mve: what their routines repeat.

Coefficients: tests/bench/fit_costs.py on Cortex-M55.
"""

from __future__ import annotations

import math

from edge.ir import Graph, Node
from edge.planning.costs import (
    Cost,
    Quantity,
    calls,
    channels,
    inputs,
    once,
    outputs,
    pixels,
    positions,
    rounded_twice,
    total,
)
from edge.planning.kernels import pair

VECTOR = 16


def vectors(count: int) -> int:
    """Vectors of 16 bytes that hold so many."""
    return -(-count // VECTOR)


def taps(graph: Graph, node: Node) -> int:
    """Weights of an output channel."""
    return math.prod(graph.type(node.inputs[1]).shape[1:])


def groups(graph: Graph, node: Node) -> int:
    """Groups of 4 output channels."""
    return -(-channels(graph, node) // 4)


def _pairs_of_all(graph: Graph, node: Node) -> int:
    """Pairs of pixels where all of them are one run."""
    return pixels(graph, node) // 2


def _pairs_by_row(graph: Graph, node: Node) -> int:
    return calls(graph, node) * (graph.type(node.output).shape[2] // 2)


def _no_pairs(graph: Graph, node: Node) -> int:
    return 0


def _products(factors: tuple[float, ...], pairs: Quantity) -> list[tuple[float, Quantity]]:
    """Of pairs of pixels and of single ones, with groups of 4 channels: vectors, groups, pixels."""

    def pair_vectors(graph: Graph, node: Node) -> float:
        return pair_groups(graph, node) * vectors(taps(graph, node))

    def pair_groups(graph: Graph, node: Node) -> float:
        return pairs(graph, node) * groups(graph, node)

    def singles(graph: Graph, node: Node) -> float:
        return pixels(graph, node) - 2 * pairs(graph, node)

    def single_groups(graph: Graph, node: Node) -> float:
        return singles(graph, node) * groups(graph, node)

    def single_vectors(graph: Graph, node: Node) -> float:
        return single_groups(graph, node) * vectors(taps(graph, node))

    quantities = (pair_vectors, pair_groups, pairs, single_vectors, single_groups, singles)
    return list(zip(factors, quantities, strict=True))


def _patch_vectors(graph: Graph, node: Node) -> int:
    _, kernel_h, kernel_w, in_c = graph.type(node.inputs[1]).shape
    return pixels(graph, node) * kernel_h * vectors(kernel_w * in_c)


def _patch_rows(graph: Graph, node: Node) -> int:
    return pixels(graph, node) * graph.type(node.inputs[1]).shape[1]


def _groups_of_pixels(graph: Graph, node: Node) -> float:
    """Groups that are scaled in two roundings."""
    return rounded_twice(graph, node) / 4


CONVOLUTION = total(
    *_products((14.5, 23.5, 0, 8.55, 15.8, 137), _pairs_by_row), (3.53, _groups_of_pixels),
    (6.35, _patch_vectors), (10.7, _patch_rows), (261, calls),
)  # fmt: skip
POINTWISE = total(
    *_products((14.6, 23.4, 15.8, 9.97, 15.9, 29.7), _pairs_of_all),
    (2.99, _groups_of_pixels),
    (137, once),
)
LINEAR = total(
    *_products((0, 0, 0, 9.97, 15.9, 29.7), _no_pairs)[3:], (2.02, _groups_of_pixels), (79.5, once)
)


def _row_pairs(graph: Graph, node: Node) -> int:
    """Pairs of neighbouring outputs, a group of channels each."""
    width = graph.type(node.output).shape[2]
    return calls(graph, node) * groups(graph, node) * -(-width // 2)


def _row_groups(graph: Graph, node: Node) -> int:
    return calls(graph, node) * groups(graph, node)


def _pieces(graph: Graph, node: Node) -> int:
    """Vectors of 3 rows and 4 columns that cover the window."""
    _, kernel_h, kernel_w, _ = graph.type(node.inputs[1]).shape
    return -(-kernel_h // 3) * -(-kernel_w // 4)


def _pair_pieces(graph: Graph, node: Node) -> int:
    return _row_pairs(graph, node) * _pieces(graph, node)


def _woven(graph: Graph, node: Node) -> int:
    """Columns of three rows that are woven, a block of channels each."""
    _, kernel_h, kernel_w, _ = graph.type(node.inputs[1]).shape
    width = (graph.type(node.output).shape[2] - 1) * pair(node, "stride")[1] + kernel_w
    blocks = calls(graph, node) * vectors(channels(graph, node))
    return blocks * -(-kernel_h // 3) * width


def _depthwise(*factors: float) -> Cost:
    quantities = (_row_pairs, _groups_of_pixels, _row_groups, _woven, calls)
    return total(*zip(factors, quantities, strict=True))


DEPTHWISE = _depthwise(52.1, 4.08, 31.3, 1.7, 334)
DEPTHWISE_LARGE = total((32.4, _pair_pieces), *_depthwise(0, 0.867, 73.5, 11.5, 798).terms)
ADD = total((2.25, outputs), (2.26, rounded_twice), (118, once))


def _vectors_made(graph: Graph, node: Node) -> int:
    return vectors(outputs(graph, node))


LOOKUP = total((4.98, _vectors_made), (44.9, once))
MEAN = total((0.701, inputs), (31.4, channels), (7.93, rounded_twice), (189, once))
AVERAGE = total((0.588, positions), (34.3, outputs), (66.6, pixels), (219, calls))
