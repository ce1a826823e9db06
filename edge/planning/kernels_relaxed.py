"""The kernels for WebAssembly with relaxed SIMD, runtime/kernels/relaxed.

They accept operators whose inputs are proven to lie in 0..127, where the relaxed dot product has
one result on all engines; everything else stays with the kernels of simd128.
"""

from __future__ import annotations

import math

from edge.ir import Graph, Node
from edge.planning import costs_simd128
from edge.planning.costs import pixels, total
from edge.planning.kernels import Kernel
from edge.planning.kernels_simd128 import (
    convolves,
    gathered,
    input_depth,
    multiplies_pixels,
    transforms,
)
from edge.quantization.requantize import INT8_MAX
from edge.quantization.seven_bits import stored_range
from edge.quantization.stored import per_tensor

_PIXELS, _MOST_PIXELS, _COLUMN_BYTES = 4, 256, 65536  # as in dot.h
_SLACK = 16


def reads_seven_bits(graph: Graph, node: Node) -> bool:
    """Whether the first input, and what pads it, is proven to lie in 0..127."""
    low, high = stored_range(graph, node.inputs[0])
    zero_point = per_tensor(graph, node, node.inputs[0])[1]
    return min(low, zero_point) >= 0 and max(high, zero_point) <= INT8_MAX


def _convolves(graph: Graph, node: Node) -> bool:
    return convolves(graph, node) and reads_seven_bits(graph, node)


def _transforms(graph: Graph, node: Node) -> bool:
    return transforms(graph, node) and reads_seven_bits(graph, node)


def _multiplies(graph: Graph, node: Node) -> bool:
    return multiplies_pixels(graph, node) and reads_seven_bits(graph, node)


def _columns(depth: int, made: int) -> int:
    """Bytes of the columns of a group when a call makes so many pixels; see dot.h."""
    most = min(_COLUMN_BYTES // depth // _PIXELS * _PIXELS, _MOST_PIXELS)
    return depth * min(-(-made // _PIXELS) * _PIXELS, max(most, _PIXELS))


def _convolution_scratch(graph: Graph, node: Node) -> int:
    width = graph.type(node.output).shape[2]
    return _columns(input_depth(graph, node), width) + _SLACK


def _pointwise_scratch(graph: Graph, node: Node) -> int:
    made = math.prod(graph.type(node.output).shape[:-1])
    return _columns(input_depth(graph, node), made)


_CONVOLUTION_COST = total(*costs_simd128.FOURS.terms, (1, gathered), (20, pixels))

KERNELS: tuple[Kernel, ...] = (
    Kernel("relaxed/conv2d_s8", "conv2d", _convolves, _CONVOLUTION_COST, _convolution_scratch),
    Kernel(
        "relaxed/pointwise_conv2d_s8", "conv2d", _transforms, costs_simd128.FOURS,
        _pointwise_scratch, flat=True, granule=_PIXELS, buffered=True,
    ),
    Kernel(
        "relaxed/pointwise_conv2d_s8", "linear", _multiplies, costs_simd128.FOURS,
        _pointwise_scratch, flat=True, granule=_PIXELS, buffered=True,
    ),
)  # fmt: skip
