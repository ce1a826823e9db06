"""The portable float32 kernels of runtime/kernels/ref.

Costs are rough instruction counts that only rank these kernels against those of other folders.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.ir import DType, Graph, Node, Rounding
from edge.ir.ops import attributes
from edge.planning.broadcasting import repeats, walk
from edge.planning.costs import per_input, per_mac, per_output, per_window
from edge.planning.kernels import Accepts, Kernel, has_types, is_pointwise, is_single_image
from edge.planning.kernels_ref import (
    averages_all,
    channel_sums,
    keeps_only_channels,
)
from edge.planning.recurrent import float_gates_bytes, recurs_in_floats
from edge.planning.rows import MOST_ROWS

_MAX_RANK = 5  # EDGE_MAX_RANK of edge.h


def is_float(graph: Graph, node: Node) -> bool:
    """Whether the first input and the output are float32."""
    return has_types(graph, node, DType.FLOAT32, DType.FLOAT32)


def fuses(graph: Graph) -> bool:
    """Whether products are added unrounded, which kernels of their own do."""
    return graph.rounding is Rounding.FLOAT_FUSED


def unfused(accepts: Accepts) -> Accepts:
    """What a kernel accepts that rounds every product."""
    return lambda graph, node: not fuses(graph) and accepts(graph, node)


def fused(accepts: Accepts) -> Accepts:
    """What a kernel accepts that adds products unrounded."""
    return lambda graph, node: fuses(graph) and accepts(graph, node)


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


def _broadcasts(graph: Graph, node: Node) -> bool:
    """Operands of any shapes that broadcast; the walk through them has a few axes at most."""
    operands = [graph.type(name) for name in node.inputs]
    walked = walk([operand.shape for operand in operands], graph.type(node.output).shape)
    floats = all(operand.dtype is DType.FLOAT32 for operand in operands)
    return is_float(graph, node) and floats and len(walked.size) <= _MAX_RANK


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


def _sums_of_products(kind: str, arithmetic: Callable[[Accepts], Accepts]) -> tuple[Kernel, ...]:
    window, vectors = arithmetic(convolves), arithmetic(has_float_weights)
    pixels, matrices = arithmetic(multiplies_pixels), arithmetic(_multiplies)
    sequences = arithmetic(recurs_in_floats)
    return (
        Kernel(f"ref/conv2d_{kind}", "conv2d", window, per_mac(9)),
        Kernel(f"ref/linear_{kind}", "conv2d", pixels, per_mac(5), flat=True),
        Kernel(f"ref/depthwise_conv2d_{kind}", "depthwise_conv2d", window, per_mac(12)),
        Kernel(f"ref/conv_transpose2d_{kind}", "conv_transpose2d", window, per_mac(15)),
        Kernel(f"ref/gru_{kind}", "gru", sequences, per_mac(5), float_gates_bytes),
        Kernel(f"ref/lstm_{kind}", "lstm", sequences, per_mac(5), float_gates_bytes),
        Kernel(f"ref/linear_{kind}", "linear", vectors, per_mac(5), flat=True),
        Kernel(f"ref/matmul_{kind}", "matmul", matrices, per_mac(5), flat=True),
    )


KERNELS: tuple[Kernel, ...] = (
    *_sums_of_products("f32", unfused),
    *_sums_of_products("fused_f32", fused),
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
    Kernel("ref/add_broadcast_f32", "add", _broadcasts, per_output(25)),
    Kernel("ref/add_broadcast_f32", "sub", _broadcasts, per_output(25)),
    Kernel("ref/mul_broadcast_f32", "mul", _broadcasts, per_output(25)),
    Kernel("ref/strided", "hidden", is_float, per_output(10)),
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
