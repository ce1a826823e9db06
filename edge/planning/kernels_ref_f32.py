"""The portable float32 kernels of runtime/kernels/ref.

Costs are rough instruction counts that only rank these kernels against those of other folders.
"""

from __future__ import annotations

from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes
from edge.planning.broadcasting import repeats
from edge.planning.costs import per_input, per_mac, per_output, per_window
from edge.planning.kernels import Kernel, has_types, is_pointwise, is_single_image
from edge.planning.kernels_ref import (
    averages_all,
    channel_sums,
    keeps_only_channels,
)
from edge.planning.rows import MOST_ROWS

_MAX_RANK = 5  # EDGE_MAX_RANK of edge.h


def is_float(graph: Graph, node: Node) -> bool:
    """Whether the first input and the output are float32."""
    return has_types(graph, node, DType.FLOAT32, DType.FLOAT32)


def has_float_weights(graph: Graph, node: Node) -> bool:
    """Whether float32 becomes float32 through constant float32 weights and bias."""
    names = [name for name in node.inputs[1:] if name]
    constant = all(
        graph.is_constant(name) and graph.type(name).dtype is DType.FLOAT32 for name in names
    )
    return is_float(graph, node) and constant


def convolves(graph: Graph, node: Node) -> bool:
    """Whether row kernels take a convolution or depthwise convolution."""
    return has_float_weights(graph, node) and is_single_image(graph, node)


def multiplies_pixels(graph: Graph, node: Node) -> bool:
    """Whether a convolution is a matrix product for each pixel."""
    return has_float_weights(graph, node) and is_pointwise(graph, node)


def pools_floats(graph: Graph, node: Node) -> bool:
    """Whether row kernels take a pooling operator."""
    return is_float(graph, node) and is_single_image(graph, node)


def averages_floats(graph: Graph, node: Node) -> bool:
    """Whether a float mean keeps only the channels."""
    return is_float(graph, node) and keeps_only_channels(graph, node)


def combines(graph: Graph, node: Node) -> bool:
    """Whether add, sub or mul has float operands that repeat as a whole."""
    operands = [graph.type(name) for name in node.inputs]
    shape = graph.type(node.output).shape
    return is_float(graph, node) and all(
        operand.dtype is DType.FLOAT32 and repeats(operand.shape, shape) for operand in operands
    )


def _multiplies(graph: Graph, node: Node) -> bool:
    return is_float(graph, node) and graph.type(node.inputs[1]).dtype is DType.FLOAT32


def _pads(graph: Graph, node: Node) -> bool:
    return is_float(graph, node) and len(graph.type(node.output).shape) <= _MAX_RANK


def _resizes_bilinear(graph: Graph, node: Node) -> bool:
    return pools_floats(graph, node) and attributes(node)["mode"] == "bilinear"


def _averages_rows(graph: Graph, node: Node) -> bool:
    return pools_floats(graph, node) and averages_all(graph, node)


def _averages_image(graph: Graph, node: Node) -> bool:
    shape = graph.type(node.inputs[0]).shape
    image = len(shape) == 4 and shape[0] == 1 and 1 < shape[1] <= MOST_ROWS
    return image and averages_floats(graph, node)


def _simple(name: str, op: str, instructions: int) -> Kernel:
    accepts = is_float if op in ("softmax", "unary") else combines
    return Kernel(name, op, accepts, per_output(instructions), flat=True, buffered=True)


KERNELS: tuple[Kernel, ...] = (
    Kernel("ref/conv2d_f32", "conv2d", convolves, per_mac(9)),
    Kernel("ref/linear_f32", "conv2d", multiplies_pixels, per_mac(5), flat=True),
    Kernel("ref/depthwise_conv2d_f32", "depthwise_conv2d", convolves, per_mac(12)),
    Kernel("ref/linear_f32", "linear", has_float_weights, per_mac(5), flat=True),
    Kernel("ref/matmul_f32", "matmul", _multiplies, per_mac(5), flat=True),
    Kernel(
        "ref/layer_norm_f32", "layer_norm", has_float_weights, per_output(20), flat=True,
        buffered=True,
    ),
    Kernel("ref/avg_pool2d_f32", "avg_pool2d", pools_floats, per_window(8)),
    Kernel("ref/max_pool2d_f32", "max_pool2d", pools_floats, per_window(8)),
    Kernel("ref/mean_f32", "mean", averages_floats, per_input(4)),
    _simple("ref/add_f32", "add", 12),
    _simple("ref/add_f32", "sub", 12),
    _simple("ref/mul_f32", "mul", 12),
    _simple("ref/softmax_f32", "softmax", 60),
    _simple("ref/unary_f32", "unary", 40),
    Kernel("ref/resize_bilinear_f32", "resize", _resizes_bilinear, per_output(30)),
    Kernel("ref/pad_f32", "pad", _pads, per_output(20)),
)  # fmt: skip

GATHERING: tuple[Kernel, ...] = (
    Kernel(
        "ref/avg_pool2d_rows_f32", "avg_pool2d", _averages_rows, per_input(4), gathers=True,
        sums=channel_sums,
    ),
    Kernel(
        "ref/mean_rows_f32", "mean", _averages_image, per_input(4), gathers=True,
        sums=channel_sums,
    ),
)  # fmt: skip
