"""The portable kernels, runtime/kernels/ref: one for every operator of the int8 IR.

Costs are rough instruction counts that only rank these kernels against those of other folders.
"""

from __future__ import annotations

from typing import cast

from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes
from edge.planning import costs_ref
from edge.planning.broadcasting import repeats, walk
from edge.planning.costs import per_input, per_mac, per_output
from edge.planning.kernels import (
    INT16_MAX,
    Accepts,
    Kernel,
    has_int8_weights,
    has_types,
    has_weights,
    is_int8,
    is_pointwise,
    is_single_image,
    keeps_quantization,
    pools,
    takes_maximum,
)
from edge.planning.kernels_ref_decoder import KERNELS as DECODER
from edge.planning.kernels_ref_sparse import KERNELS as SPARSE
from edge.planning.recurrent import gates_bytes, recurs, takes_hidden
from edge.planning.rows import MOST_ROWS

_MAX_RANK = 5  # EDGE_MAX_RANK of edge.h


def _convolves(graph: Graph, node: Node) -> bool:
    return is_int8(graph, node) and is_single_image(graph, node) and has_int8_weights(graph, node)


def _pointwise(graph: Graph, node: Node) -> bool:
    return is_int8(graph, node) and has_int8_weights(graph, node) and is_pointwise(graph, node)


def averages_all(graph: Graph, node: Node) -> bool:
    """One window over the whole of an image that has rows."""
    _, height, width, _ = graph.type(node.inputs[0]).shape
    attrs = attributes(node)
    padded = any(cast("tuple[int, ...]", attrs["padding"]))
    return height > 1 and attrs["kernel"] == (height, width) and not padded


def _averages_rows(graph: Graph, node: Node) -> bool:
    return pools(graph, node) and averages_all(graph, node)


def _averages_image(graph: Graph, node: Node) -> bool:
    shape = graph.type(node.inputs[0]).shape
    image = len(shape) == 4 and shape[0] == 1 and 1 < shape[1] <= MOST_ROWS
    return image and averages_positions(graph, node)


def channel_sums(graph: Graph, node: Node) -> int:
    """Bytes of a 32-bit sum for each channel of the input."""
    return 4 * graph.type(node.inputs[0]).shape[-1]


def keeps_only_channels(graph: Graph, node: Node) -> bool:
    """Everything but the last axis is averaged; axes that stay must have size 1."""
    shape = graph.type(node.inputs[0]).shape
    axes = cast("tuple[int, ...]", attributes(node)["axes"])
    kept = (n for axis, n in enumerate(shape[:-1]) if axis not in axes)
    return len(shape) - 1 not in axes and all(n == 1 for n in kept)


def averages_positions(graph: Graph, node: Node) -> bool:
    """Whether an int8 mean keeps only the channels."""
    return is_int8(graph, node) and keeps_only_channels(graph, node)


def _combines(graph: Graph, node: Node) -> bool:
    shape = graph.type(node.output).shape
    operands = [graph.type(name) for name in node.inputs]
    return (
        is_int8(graph, node)
        and all(operand.dtype is DType.INT8 for operand in operands)
        and all(repeats(operand.shape, shape) for operand in operands)
    )


def _broadcasts(graph: Graph, node: Node) -> bool:
    """Operands of any shapes that broadcast; the walk through them has a few axes at most."""
    shapes = [graph.type(name).shape for name in node.inputs]
    walked = walk(shapes, graph.type(node.output).shape)
    int8 = all(graph.type(name).dtype is DType.INT8 for name in node.inputs)
    return is_int8(graph, node) and int8 and len(walked.size) <= _MAX_RANK


def multiplies(graph: Graph, node: Node) -> bool:
    """A product of two int8 tensors."""
    return is_int8(graph, node) and graph.type(node.inputs[1]).dtype is DType.INT8


def _normalizes(graph: Graph, node: Node) -> bool:
    """Weight and bias are constants."""
    return is_int8(graph, node) and all(map(graph.is_constant, node.inputs[1:]))


def looks_up(graph: Graph, node: Node) -> bool:
    """Whether an int8 operator reads its results from a table of 256."""
    return is_int8(graph, node) and graph.type(node.inputs[1]).elements == 256


def _converts(read: DType, made: DType) -> Accepts:
    return lambda graph, node: has_types(graph, node, read, made)


def _gathers(graph: Graph, node: Node) -> bool:
    rank = len(graph.type(node.output).shape)
    return rank <= _MAX_RANK and keeps_quantization(graph, node)


def _pads(graph: Graph, node: Node) -> bool:
    return is_int8(graph, node) and _gathers(graph, node)


def _resizes_nearest(graph: Graph, node: Node) -> bool:
    """Pixels of any type are moved; their bytes count as channels."""
    made = graph.type(node.output)
    moved = is_single_image(graph, node) and keeps_quantization(graph, node)
    nearest = attributes(node)["mode"] == "nearest"
    return moved and nearest and made.dtype.itemsize * made.shape[-1] <= INT16_MAX


def _resizes_bilinear(graph: Graph, node: Node) -> bool:
    return takes_maximum(graph, node) and attributes(node)["mode"] == "bilinear"


def spreads(graph: Graph, node: Node) -> bool:
    """Whether row kernels take a transposed convolution."""
    return is_single_image(graph, node) and has_weights(graph, node)


KERNELS: tuple[Kernel, ...] = (
    Kernel("ref/conv2d_s8", "conv2d", _convolves, costs_ref.CONVOLUTION),
    Kernel("ref/linear_s8", "conv2d", _pointwise, costs_ref.LINEAR, flat=True),
    Kernel("ref/depthwise_conv2d_s8", "depthwise_conv2d", _convolves, costs_ref.DEPTHWISE),
    Kernel("ref/conv_transpose2d_s8", "conv_transpose2d", spreads, per_mac(12)),
    Kernel("ref/linear_s8", "linear", has_weights, costs_ref.LINEAR, flat=True),
    Kernel("ref/matmul_s8", "matmul", multiplies, per_mac(7), flat=True),
    Kernel("ref/avg_pool2d_s8", "avg_pool2d", pools, costs_ref.AVERAGE),
    Kernel("ref/max_pool2d_s8", "max_pool2d", takes_maximum, costs_ref.MAXIMUM),
    Kernel("ref/mean_s8", "mean", averages_positions, costs_ref.MEAN),
    Kernel("ref/add_s8", "add", _combines, costs_ref.ADD, flat=True, buffered=True),
    Kernel("ref/add_s8", "sub", _combines, costs_ref.ADD, flat=True, buffered=True),
    Kernel("ref/mul_s8", "mul", _combines, costs_ref.MUL, flat=True, buffered=True),
    Kernel("ref/add_broadcast_s8", "add", _broadcasts, costs_ref.ADD_BROADCAST),
    Kernel("ref/add_broadcast_s8", "sub", _broadcasts, costs_ref.ADD_BROADCAST),
    Kernel("ref/mul_broadcast_s8", "mul", _broadcasts, costs_ref.MUL_BROADCAST),
    Kernel(
        "ref/layer_norm_s8", "layer_norm", _normalizes, per_output(30), flat=True, buffered=True
    ),
    Kernel("ref/lookup_s8", "lookup", looks_up, costs_ref.LOOKUP, flat=True, buffered=True),
    Kernel("ref/softmax_s8", "softmax", is_int8, costs_ref.SOFTMAX, flat=True, buffered=True),
    Kernel(
        "ref/requantize_s8", "requantize", is_int8, per_output(15), flat=True, buffered=True
    ),
    Kernel(
        "ref/quantize_f32_s8", "quantize", _converts(DType.FLOAT32, DType.INT8), per_output(20),
        flat=True, buffered=True,
    ),
    Kernel(
        "ref/dequantize_s8_f32", "dequantize", _converts(DType.INT8, DType.FLOAT32),
        per_output(10), flat=True, buffered=True,
    ),
    Kernel("ref/concat", "concat", keeps_quantization, per_output(2)),
    Kernel("ref/resize_nearest", "resize", _resizes_nearest, per_output(5)),
    Kernel("ref/resize_bilinear_s8", "resize", _resizes_bilinear, per_output(30)),
    Kernel("ref/strided", "transpose", _gathers, per_output(10)),
    Kernel("ref/strided", "slice", _gathers, per_output(10)),
    Kernel("ref/pad_s8", "pad", _pads, per_output(6)),
    Kernel("ref/gru_s8", "gru", recurs, per_mac(6), gates_bytes),
    Kernel("ref/lstm_s8", "lstm", recurs, per_mac(6), gates_bytes),
    Kernel("ref/hidden_s16_s8", "hidden", takes_hidden, per_output(6)),
    *DECODER,
    *SPARSE,
)  # fmt: skip

GATHERING: tuple[Kernel, ...] = (
    Kernel(
        "ref/avg_pool2d_rows_s8", "avg_pool2d", _averages_rows, per_input(4), gathers=True,
        sums=channel_sums,
    ),
    Kernel(
        "ref/mean_rows_s8", "mean", _averages_image, per_input(4), gathers=True,
        sums=channel_sums,
    ),
)  # fmt: skip
