"""The portable kernels for sparse weights, of which whole blocks are zero; edge/blocks.h."""

from __future__ import annotations

import math

import numpy as np

from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.ir.types import Array
from edge.planning.costs import once, outputs, pixels, rounded_twice, total
from edge.planning.kernels import (
    Kernel,
    has_weights,
    is_pointwise,
    is_single_image,
)
from edge.planning.weight_rows import weight_rows
from edge.sparsity.block_rows import MOST_COLUMNS, nonzero_blocks

_MOST_POSITIONS = 49  # of depthwise_conv2d_sparse_s8.c
_MOST_KEPT = 0.5  # where software multiplies 64 bits, more do not pay
_BLOCK = (1, 4)  # PORTABLE_BLOCK of edge.emit.packing.blocks


def _fits(graph: Graph, node: Node) -> bool:
    taps = math.prod(graph.type(node.inputs[1]).shape[1:])
    return has_weights(graph, node) and taps <= MOST_COLUMNS


def _convolves(graph: Graph, node: Node) -> bool:
    one_group = is_single_image(graph, node) and attributes(node)["groups"] == 1
    return one_group and _fits(graph, node)


def _pointwise(graph: Graph, node: Node) -> bool:
    return is_pointwise(graph, node) and _fits(graph, node)


def _depthwise(graph: Graph, node: Node) -> bool:
    window = graph.type(node.inputs[1]).shape[1:3]
    fits = math.prod(window) <= _MOST_POSITIONS and is_single_image(graph, node)
    return fits and has_weights(graph, node) and _mostly_zero(graph.constant(node.inputs[1]))


def _mostly_zero(weight: Array) -> bool:
    return bool(np.count_nonzero(weight) <= _MOST_KEPT * weight.size)


def _kept_taps(graph: Graph, node: Node) -> int:
    """Weights that are not zero, once a pixel."""
    return pixels(graph, node) * int(np.count_nonzero(graph.constant(node.inputs[1])))


def _places(graph: Graph, node: Node) -> int:
    """Positions of the window, once a pixel."""
    return pixels(graph, node) * math.prod(graph.type(node.inputs[1]).shape[1:3])


def _blocks(graph: Graph, node: Node) -> int:
    """Stored blocks, once a pixel."""
    blocks = nonzero_blocks(weight_rows(graph, node), _BLOCK)
    return pixels(graph, node) * blocks


_CONVOLUTION = total((279, _blocks), (133, outputs), (4.15, rounded_twice))
_DEPTHWISE = total((9.54, _kept_taps), (73.8, outputs), (22.1, _places))
_LINEAR = total((64.1, _blocks), (133, outputs), (21.3, once))

KERNELS: tuple[Kernel, ...] = (
    Kernel("ref/conv2d_sparse_s8", "conv2d", _convolves, _CONVOLUTION, sparse=True),
    Kernel(
        "ref/depthwise_conv2d_sparse_s8", "depthwise_conv2d", _depthwise, _DEPTHWISE, sparse=True
    ),
    *(
        Kernel("ref/linear_sparse_s8", op, accepts, _LINEAR, flat=True, sparse=True)
        for op, accepts in (("conv2d", _pointwise), ("linear", _fits))
    ),
)
