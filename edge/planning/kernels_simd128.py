"""The kernels for WebAssembly with 128-bit SIMD, runtime/kernels/simd128.

They accept only what they compute bit for bit; everything else stays with the portable kernels.
Costs are in `costs_simd128`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes
from edge.planning import costs_simd128
from edge.planning.costs import pixels, total
from edge.planning.kernels import (
    WHOLE,
    Kernel,
    has_weights,
    is_pointwise,
    is_single_image,
    pair,
    pools,
    takes_maximum,
)
from edge.planning.kernels_ref import averages_positions, multiplies
from edge.planning.kernels_simd128_sparse import KERNELS as SPARSE
from edge.planning.weight_rows import weight_rows
from edge.quantization import constants
from edge.quantization.constants import Form, Operand
from edge.quantization.simd128_scale import (
    BLOCK,
    filled_blocks,
    overlapping_blocks,
    weighted_scale,
)

_POSITIONS_IN_INT16 = 255
_PIXELS, _STRIPS, _STRIP_BYTES = 4, 64, 131072  # as in dot.h
_COLUMNS_BYTES = 32768  # COLUMNS_BYTES of matmul_s8.c
_LARGEST_SUM = 1 << 29  # of the scaled operands of add, TWICE
_LARGEST_SHIFT = 24


def _scales(graph: Graph, node: Node, channels: npt.NDArray[np.int64]) -> bool:
    """Whether the requantization constants of the channels, in their vectors, exist."""
    weighted = constants.weighted(graph, node)
    return weighted_scale(weighted, weight_rows(graph, node), channels) is not None


def convolves(graph: Graph, node: Node) -> bool:
    return (
        is_single_image(graph, node)
        and has_weights(graph, node)
        and attributes(node)["groups"] == 1
        and _scales(graph, node, filled_blocks(graph.type(node.output).shape[-1]))
    )


def multiplies_pixels(graph: Graph, node: Node) -> bool:
    return has_weights(graph, node) and _scales(
        graph, node, filled_blocks(graph.type(node.output).shape[-1])
    )


def transforms(graph: Graph, node: Node) -> bool:
    return is_pointwise(graph, node) and multiplies_pixels(graph, node)


def input_depth(graph: Graph, node: Node) -> int:
    inputs = math.prod(graph.type(node.inputs[1]).shape[1:])
    return -(-inputs // 8) * 8


def _dot_scratch(depth: int, pixels: int) -> int:
    """Bytes of the widened weights of a block and of the strips of a group; see dot.h."""
    most = min(max(_STRIP_BYTES // (8 * depth), 1), _STRIPS)
    return 16 * depth + 8 * depth * min(-(-pixels // _PIXELS), most)


def _convolution_scratch(graph: Graph, node: Node) -> int:
    depth = input_depth(graph, node)
    return _dot_scratch(depth, graph.type(node.output).shape[2]) + _PIXELS * depth + 16


def _pointwise_scratch(graph: Graph, node: Node) -> int:
    depth = input_depth(graph, node)
    pixels = math.prod(graph.type(node.output).shape[:-1])
    filled = depth != graph.type(node.inputs[1]).shape[-1]
    return _dot_scratch(depth, pixels) + _PIXELS * depth * filled


def gathered(graph: Graph, node: Node) -> int:
    """Bytes of the windows that are gathered."""
    return math.prod(graph.type(node.output).shape[:-1]) * input_depth(graph, node)


_CONVOLUTION_COST = total(*costs_simd128.DOTS.terms, (1, gathered), (20, pixels))


def _depthwise(graph: Graph, node: Node) -> bool:
    if not (is_single_image(graph, node) and has_weights(graph, node)):
        return False
    weight, channels = graph.type(node.inputs[1]).shape, graph.type(node.inputs[0]).shape[3]
    return (
        weight[1:3] == (3, 3)
        and weight[3] == channels
        and channels >= BLOCK
        and _scales(graph, node, overlapping_blocks(channels))
    )


def _depthwise_scratch(graph: Graph, node: Node) -> int:
    _, _, width, channels = graph.type(node.inputs[0]).shape
    return (width + 9) * channels


def _adds(graph: Graph, node: Node) -> bool:
    types = [graph.type(name) for name in (*node.inputs, node.output)]
    if len({t.shape for t in types}) != 1 or {t.dtype for t in types} != {DType.INT8}:
        return False
    found = constants.add(graph, node)
    if found.form is Form.ONCE:
        return True
    shifts = (found.a.shift, found.b.shift, found.out_shift)
    largest = _largest(found.a) + _largest(found.b)
    return all(-_LARGEST_SHIFT <= shift <= 0 for shift in shifts) and largest < _LARGEST_SUM


def _largest(operand: Operand) -> int:
    """A bound of the scaled operand in the form TWICE."""
    return math.ceil(255 * 2.0 ** (operand.shift - 11) * abs(operand.multiplier)) + 2


def _averages(graph: Graph, node: Node) -> bool:
    return pools(graph, node) and math.prod(pair(node, "kernel")) <= _POSITIONS_IN_INT16


def _product_scratch(graph: Graph, node: Node) -> int:
    """4 rows and as many blocks of 8 columns as are widened at a time; matmul_s8.c."""
    depth = -(-graph.type(node.inputs[0]).shape[-1] // 2) * 2
    most = max(_COLUMNS_BYTES // (2 * BLOCK * depth), 1)
    blocks = min(-(-graph.type(node.output).shape[-1] // BLOCK), most)
    return 2 * depth * (_PIXELS + BLOCK * blocks)


KERNELS: tuple[Kernel, ...] = (
    Kernel("simd128/conv2d_s8", "conv2d", convolves, _CONVOLUTION_COST, _convolution_scratch),
    Kernel(
        "simd128/pointwise_conv2d_s8", "conv2d", transforms, costs_simd128.DOTS, _pointwise_scratch,
        flat=True, granule=_PIXELS, buffered=True,
    ),
    Kernel(
        "simd128/pointwise_conv2d_s8", "linear", multiplies_pixels, costs_simd128.DOTS,
        _pointwise_scratch, flat=True, granule=_PIXELS, buffered=True,
    ),
    Kernel(
        "simd128/depthwise_conv2d_s8", "depthwise_conv2d", _depthwise, costs_simd128.DEPTHWISE,
        _depthwise_scratch,
    ),
    Kernel("simd128/add_s8", "add", _adds, costs_simd128.ADD, flat=True, granule=8, buffered=True),
    Kernel("simd128/add_s8", "sub", _adds, costs_simd128.ADD, flat=True, granule=8, buffered=True),
    Kernel(
        "simd128/matmul_s8", "matmul", multiplies, costs_simd128.DOTS, _product_scratch, flat=True,
        granule=WHOLE,
    ),
    Kernel("simd128/avg_pool2d_s8", "avg_pool2d", _averages, costs_simd128.AVERAGE),
    Kernel("simd128/max_pool2d_s8", "max_pool2d", takes_maximum, costs_simd128.MAXIMUM),
    Kernel("simd128/mean_s8", "mean", averages_positions, costs_simd128.MEAN),
    *SPARSE,
)  # fmt: skip
