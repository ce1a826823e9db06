"""The float32 kernels in vectors of four, runtime/kernels/f32x4: WebAssembly SIMD, 64-bit Arm, SSE.

Costs are vector operations, roughly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from edge.ir import Graph, Node, macs
from edge.ir.ops import attributes
from edge.planning.costs import per_input, per_output
from edge.planning.kernels import Accepts, Kernel, is_pointwise
from edge.planning.kernels_ref_f32 import (
    averages_floats,
    combines,
    convolves,
    has_float_weights,
    unfused,
)
from edge.planning.sparse_blocks import QUAD, STRIP, STRIP_BYTES, best_size, operations, part

_LANES, _ROWS = 4, 7  # as in f32x4_depthwise.h
_PIXELS, _BLOCK, _STRIPS, _STRIP_BYTES = 4, 8, 16, 16384  # as in f32x4_product.h


def _depth(graph: Graph, node: Node) -> int:
    return math.prod(graph.type(node.inputs[1]).shape[1:])


def _group_pixels(depth: int) -> int:
    """edge_f32x4_group_pixels of f32x4_product.h."""
    return _PIXELS * max(1, min(_STRIP_BYTES // (16 * depth), _STRIPS))


def _convolves(graph: Graph, node: Node) -> bool:
    return convolves(graph, node) and attributes(node)["groups"] == 1


def _pointwise(graph: Graph, node: Node) -> bool:
    return has_float_weights(graph, node) and is_pointwise(graph, node)


def _depthwise(graph: Graph, node: Node) -> bool:
    channels, rows = graph.type(node.inputs[0]).shape[-1], graph.type(node.inputs[1]).shape[1]
    single = graph.type(node.output).shape[-1] == channels >= _LANES
    return convolves(graph, node) and single and rows <= _ROWS


def _means(graph: Graph, node: Node) -> bool:
    return averages_floats(graph, node) and graph.type(node.output).shape[-1] >= _LANES


def _adds(graph: Graph, node: Node) -> bool:
    shapes = {graph.type(name).shape for name in (*node.inputs, node.output)}
    return combines(graph, node) and len(shapes) == 1


def _strips(pixels: int, depth: int) -> int:
    """Bytes of the strips of a group."""
    return 4 * depth * min(-(-pixels // _PIXELS) * _PIXELS, _group_pixels(depth))


def _convolution_scratch(graph: Graph, node: Node) -> int:
    depth = _depth(graph, node)
    return _strips(graph.type(node.output).shape[2], depth) + 4 * depth * _PIXELS


def _pointwise_scratch(graph: Graph, node: Node) -> int:
    return _strips(math.prod(graph.type(node.output).shape[:-1]), _depth(graph, node))


def products_cost(graph: Graph, node: Node) -> int:
    """Of f32x4_product.h: a step of a tile is 22 operations for 32 products."""
    shape = graph.type(node.output).shape
    pixels = math.prod(shape[:-1])
    filled = macs(graph, node) * (-(-shape[-1] // _BLOCK) * _BLOCK) // shape[-1]
    return filled * 22 // 32 + pixels * (_depth(graph, node) + 2 * shape[-1])


def _sparse_scratch(graph: Graph, node: Node) -> int:
    rows = graph.constant(node.inputs[1]).astype(np.float32).reshape(-1, _depth(graph, node))
    size, depth = best_size(rows), rows.shape[1]
    if depth <= part(size):
        return 4 * STRIP[size] * depth
    return STRIP_BYTES + -(-len(rows) // QUAD) * QUAD * 4 * STRIP[1]


def _sparse_cost(graph: Graph, node: Node) -> int:
    """Of f32x4_sparse.h: blocks that are not zero, strips, transposed outputs."""
    weight = graph.constant(node.inputs[1]).astype(np.float32)
    rows = weight.reshape(len(weight), -1)
    pixels = -(-math.prod(graph.type(node.output).shape[:-1]) // _LANES) * _LANES
    products = operations(rows, best_size(rows))
    return int(pixels * (products + rows.shape[1] + 3 * len(rows)))


def _convolution_cost(graph: Graph, node: Node) -> int:
    pixels = math.prod(graph.type(node.output).shape[:-1])
    return products_cost(graph, node) + pixels * (_depth(graph, node) + 40)


def _depthwise_cost(graph: Graph, node: Node) -> int:
    return macs(graph, node) + 4 * graph.type(node.output).elements


def sums_of_products(folder: str, arithmetic: Callable[[Accepts], Accepts]) -> tuple[Kernel, ...]:
    """The kernels of a folder that multiply, all from the same headers."""
    pointwise, vectors = arithmetic(_pointwise), arithmetic(has_float_weights)
    return (
        Kernel(
            f"{folder}/conv2d_f32", "conv2d", arithmetic(_convolves), _convolution_cost,
            _convolution_scratch,
        ),
        Kernel(
            f"{folder}/pointwise_conv2d_f32", "conv2d", pointwise, products_cost,
            _pointwise_scratch, flat=True, granule=_PIXELS, buffered=True,
        ),
        Kernel(
            f"{folder}/pointwise_conv2d_f32", "linear", vectors, products_cost,
            _pointwise_scratch, flat=True, granule=_PIXELS, buffered=True,
        ),
        Kernel(
            f"{folder}/sparse_pointwise_conv2d_f32", "conv2d", pointwise, _sparse_cost,
            _sparse_scratch, flat=True, granule=_PIXELS, buffered=True,
        ),
        Kernel(
            f"{folder}/depthwise_conv2d_f32", "depthwise_conv2d", arithmetic(_depthwise),
            _depthwise_cost,
        ),
    )  # fmt: skip


KERNELS: tuple[Kernel, ...] = (
    *sums_of_products("f32x4", unfused),
    Kernel("f32x4/mean_f32", "mean", _means, per_input(1)),
    Kernel("f32x4/add_f32", "add", _adds, per_output(2), flat=True, granule=4, buffered=True),
    Kernel("f32x4/add_f32", "sub", _adds, per_output(2), flat=True, granule=4, buffered=True),
)  # fmt: skip
