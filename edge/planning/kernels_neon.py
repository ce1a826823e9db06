"""The kernels for NEON without extensions, runtime/kernels/neon: aarch64 and Armv7-A.

They accept only what they compute bit for bit; everything else stays with the portable kernels.
Costs are in `costs_neon`.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes
from edge.planning import costs_neon
from edge.planning.broadcasting import repeats
from edge.planning.costs import per_mac
from edge.planning.kernels import (
    WHOLE,
    Kernel,
    has_int8_weights,
    is_int8,
    is_pointwise,
    is_single_image,
    pools,
    takes_maximum,
)
from edge.planning.kernels_ref import averages_positions, multiplies

_COLUMNS_BYTES = 32768  # COLUMNS_BYTES of matmul_s8.c
PIXELS = 4  # EDGE_NEON_PIXELS of multiply.h
_MIN_DEPTH = 8  # EDGE_NEON_MIN_DEPTH of multiply.h
_MIN_CHANNELS = 8  # of depthwise_conv2d_s8.c
_MAX_TAPS = 64  # EDGE_NEON_MAX_TAPS of depthwise.h
_MOST_KEPT = 0.7  # of the pairs of taps: with more, the loops of the dense kernel are quicker
_VECTOR = 16  # channels of depthwise_conv2d_sparse_s8.c
_POSITIONS_IN_INT16 = 255
_TABLE = 256


def _window(node: Node) -> int:
    return math.prod(cast("tuple[int, int]", attributes(node)["kernel"]))


def convolves(graph: Graph, node: Node) -> bool:
    """Whether convolve.c takes a conv2d, whatever its weights."""
    return (
        is_int8(graph, node)
        and is_single_image(graph, node)
        and has_int8_weights(graph, node)
        and attributes(node)["groups"] == 1
    )


def transforms(graph: Graph, node: Node) -> bool:
    """Whether transform.c takes a linear layer or a pointwise conv2d, whatever its weights."""
    weighted = is_int8(graph, node) and has_int8_weights(graph, node)
    return weighted and (node.op == "linear" or is_pointwise(graph, node))


def windows_scratch(graph: Graph, node: Node) -> int:
    """Bytes of the windows that convolve.c gathers."""
    taps = math.prod(graph.type(node.inputs[1]).shape[1:])
    return PIXELS * max(taps, _MIN_DEPTH)


def pixels_scratch(graph: Graph, node: Node) -> int:
    """Bytes of the copies that transform.c makes of pixels with few channels."""
    in_c = graph.type(node.inputs[1]).shape[-1]
    return PIXELS * _MIN_DEPTH if in_c < _MIN_DEPTH else 0


def _pairs_fit(graph: Graph, node: Node) -> bool:
    """Two products of bytes fit int16 unless both weights are -128."""
    return int(np.min(graph.constant(node.inputs[1]))) > -128


def _convolves(graph: Graph, node: Node) -> bool:
    return convolves(graph, node) and _pairs_fit(graph, node)


def _transforms(graph: Graph, node: Node) -> bool:
    return transforms(graph, node) and _pairs_fit(graph, node)


def _depthwise(graph: Graph, node: Node) -> bool:
    if not (is_int8(graph, node) and is_single_image(graph, node)):
        return False
    weight, channels = graph.type(node.inputs[1]).shape, graph.type(node.inputs[0]).shape[3]
    return (
        has_int8_weights(graph, node)
        and weight[3] == channels >= _MIN_CHANNELS
        and math.prod(weight[1:3]) <= _MAX_TAPS
        and _pairs_fit(graph, node)
    )


def _depthwise_sparse(graph: Graph, node: Node) -> bool:
    """Channels in whole vectors, of which enough lack pairs of taps."""
    if not _depthwise(graph, node) or graph.type(node.output).shape[3] % _VECTOR:
        return False
    pairs = -(-math.prod(graph.type(node.inputs[1]).shape[1:3]) // 2)
    vectors = graph.type(node.output).shape[3] // _VECTOR
    return costs_neon.kept_pairs(graph, node) <= _MOST_KEPT * pairs * vectors


def _column(graph: Graph, node: Node) -> int:
    return graph.type(node.inputs[0]).shape[3]


def _adds(graph: Graph, node: Node) -> bool:
    shapes = {graph.type(name).shape for name in (*node.inputs, node.output)}
    types = {graph.type(name).dtype for name in (*node.inputs, node.output)}
    return len(shapes) == 1 and types == {DType.INT8}


def _multiplies(graph: Graph, node: Node) -> bool:
    shape = graph.type(node.output).shape
    operands = [graph.type(name) for name in node.inputs]
    return is_int8(graph, node) and all(
        operand.dtype is DType.INT8 and repeats(operand.shape, shape) for operand in operands
    )


def _looks_up(graph: Graph, node: Node) -> bool:
    return is_int8(graph, node) and graph.type(node.inputs[1]).elements == _TABLE


def _averages(graph: Graph, node: Node) -> bool:
    return pools(graph, node) and _window(node) <= _POSITIONS_IN_INT16


_CONVOLVE = ("neon/convolve.c", "neon/multiply.c")
_TRANSFORM = ("neon/transform.c", "neon/multiply.c")


def _product_scratch(graph: Graph, node: Node) -> int:
    """4 rows and as many blocks of 8 columns as are widened at a time; matmul_s8.c."""
    depth = graph.type(node.inputs[0]).shape[-1]
    most = max(_COLUMNS_BYTES // (16 * depth), 1)
    blocks = min(-(-graph.type(node.output).shape[-1] // 8), most)
    return 2 * depth * (PIXELS + 8 * blocks)


KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "neon/conv2d_s8", "conv2d", _convolves, costs_neon.CONVOLVE, windows_scratch,
        sources=_CONVOLVE,
    ),
    Kernel(
        "neon/linear_s8", "conv2d", _transforms, costs_neon.TRANSFORM, pixels_scratch,
        flat=True, granule=PIXELS, sources=_TRANSFORM,
    ),
    Kernel(
        "neon/linear_s8", "linear", _transforms, costs_neon.TRANSFORM, pixels_scratch,
        flat=True, granule=PIXELS, sources=_TRANSFORM,
    ),
    Kernel(
        "neon/depthwise_conv2d_s8", "depthwise_conv2d", _depthwise, costs_neon.DEPTHWISE, _column,
    ),
    Kernel(
        "neon/depthwise_conv2d_sparse_s8", "depthwise_conv2d", _depthwise_sparse,
        costs_neon.DEPTHWISE_SPARSE, _column, sparse=True,
    ),
    Kernel("neon/add_s8", "add", _adds, costs_neon.ADD, flat=True, granule=8, buffered=True),
    Kernel("neon/add_s8", "sub", _adds, costs_neon.ADD, flat=True, granule=8, buffered=True),
    Kernel("neon/mul_s8", "mul", _multiplies, costs_neon.MUL, flat=True, granule=8, buffered=True),
    Kernel(
        "neon/lookup_s8", "lookup", _looks_up, costs_neon.LOOKUP, flat=True, granule=16,
        buffered=True,
    ),
    Kernel(
        "neon/matmul_s8", "matmul", multiplies, per_mac(0.6), _product_scratch, flat=True,
        granule=WHOLE,
    ),
    Kernel("neon/avg_pool2d_s8", "avg_pool2d", _averages, costs_neon.AVERAGE),
    Kernel("neon/max_pool2d_s8", "max_pool2d", takes_maximum, costs_neon.MAXIMUM),
    Kernel("neon/mean_s8", "mean", averages_positions, costs_neon.MEAN),
)  # fmt: skip
