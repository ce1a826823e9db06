"""The kernels for Arm's M-profile vector extension, runtime/kernels/mve: Cortex-M55 and M85.

They accept only what they compute bit for bit; everything else stays with the dsp and the portable
kernels. Costs are in `costs_mve`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes
from edge.planning import costs_mve
from edge.planning.costs_mve import VECTOR, taps, vectors
from edge.planning.kernels import (
    Kernel,
    has_int8_weights,
    is_int8,
    is_pointwise,
    is_single_image,
    pair,
)
from edge.planning.kernels_mve_sparse import KERNELS as SPARSE
from edge.planning.kernels_ref import averages_positions, looks_up
from edge.quantization import constants
from edge.quantization.constants import Form
from edge.quantization.mve_scale import right_shifts

_BLOCK = 16  # EDGE_MVE_BLOCK of edge/mve_depthwise.h
_PLANE_BYTES = 1024  # PLANE_BYTES of depthwise_conv2d_s8.c
_LARGE_PLANE_BYTES = 768  # PLANE_BYTES of depthwise_conv2d_large_s8.c
_LARGEST_KERNEL = (9, 8)  # of the latter
_PATCH_BYTES = 1152  # PATCH_BYTES of conv2d_s8.c
_POINTER_BYTES = 4
_POSITIONS_IN_INT16 = 255
_LARGEST_ONCE = 1 << 31
_HALF = (1 << 30, 0)


def _weighs(graph: Graph, node: Node) -> bool:
    return (
        is_int8(graph, node)
        and has_int8_weights(graph, node)
        and right_shifts(constants.weighted(graph, node).requantize) is not None
    )


def _convolves(graph: Graph, node: Node) -> bool:
    return is_single_image(graph, node) and _weighs(graph, node) and attributes(node)["groups"] == 1


def _convolution_scratch(graph: Graph, node: Node) -> int:
    patch = VECTOR * vectors(taps(graph, node))
    pairs = -(-graph.type(node.output).shape[2] // 2)
    fitting = max(1, min(_PATCH_BYTES // (2 * patch), pairs))
    return 2 * patch * fitting + _POINTER_BYTES * graph.type(node.inputs[1]).shape[1]


def _pointwise(graph: Graph, node: Node) -> bool:
    return _weighs(graph, node) and is_pointwise(graph, node)


def _pointwise_scratch(graph: Graph, node: Node) -> int:
    """The last pixels, up to an even number, and what their vectors reach beyond them."""
    depth = taps(graph, node)
    if depth % VECTOR == 0:
        return 0
    reach = VECTOR * vectors(depth)
    return (-(-reach // depth) - 1) * depth + reach


def _linear_scratch(graph: Graph, node: Node) -> int:
    depth = taps(graph, node)
    return VECTOR * vectors(depth) if depth % VECTOR else 0


def _depthwise(graph: Graph, node: Node) -> bool:
    return _multiplies_by_channel(graph, node) and not _is_large(graph, node)


def _depthwise_large(graph: Graph, node: Node) -> bool:
    if not (_multiplies_by_channel(graph, node) and _is_large(graph, node)):
        return False
    _, kernel_h, kernel_w, _ = graph.type(node.inputs[1]).shape
    return kernel_h <= _LARGEST_KERNEL[0] and kernel_w <= _LARGEST_KERNEL[1]


def _multiplies_by_channel(graph: Graph, node: Node) -> bool:
    return (
        is_single_image(graph, node)
        and _weighs(graph, node)
        and graph.type(node.output).shape[3] == graph.type(node.inputs[0]).shape[3]
        and pair(node, "dilation")[1] == 1
        and _has_no_shifts_once(graph, node)
    )


def _is_large(graph: Graph, node: Node) -> bool:
    """Whether the taps take more than one vector of 3 rows and 4 columns."""
    _, kernel_h, kernel_w, _ = graph.type(node.inputs[1]).shape
    return kernel_h > 3 or kernel_w > 4


def _has_no_shifts_once(graph: Graph, node: Node) -> bool:
    """Single rounding of a convolution has no shifts; the depthwise kernel relies on it."""
    requantize = constants.weighted(graph, node).requantize
    return requantize.form is Form.TWICE or not requantize.shift.any()


def _planes(graph: Graph, node: Node) -> int:
    return -(-graph.type(node.inputs[1]).shape[1] // 3)


def _depthwise_scratch(graph: Graph, node: Node) -> int:
    """A vector of zero points and the planes of the largest block, up to the last vector."""
    pitch = 4 * min(graph.type(node.output).shape[3], _BLOCK)
    vector = 4 * _BLOCK
    blocks = list(_blocks(graph, node))
    plane = pitch * max(columns for _, _, columns in blocks)
    ends = (
        max(columns * pitch, left * pitch + -(-inside * pitch // vector) * vector)
        for left, inside, columns in blocks
    )
    return _BLOCK + (_planes(graph, node) - 1) * plane + max(ends)


def _blocks(graph: Graph, node: Node) -> Iterator[tuple[int, int, int]]:
    """Columns before and inside the input and all columns of each block; edge_mve_cut."""
    _, _, in_w, channels = graph.type(node.inputs[0]).shape
    out_w, kernel_w = graph.type(node.output).shape[2], graph.type(node.inputs[1]).shape[2]
    stride, pad_left = pair(node, "stride")[1], pair(node, "padding")[2]
    plane = _LARGE_PLANE_BYTES if _is_large(graph, node) else _PLANE_BYTES
    most = (plane // (4 * min(channels, _BLOCK)) - kernel_w) // stride + 1
    outputs = out_w if most >= out_w else max(most & ~1, 1)
    for ox in range(0, out_w, outputs):
        first = ox * stride - pad_left
        columns = (min(outputs, out_w - ox) - 1) * stride + kernel_w
        left = min(max(-first, 0), columns)
        yield left, min(max(in_w - first, left), columns) - left, columns


def _adds(graph: Graph, node: Node) -> bool:
    shapes = {graph.type(name).shape for name in (*node.inputs, node.output)}
    types = {graph.type(name).dtype for name in (*node.inputs, node.output)}
    if len(shapes) != 1 or types != {DType.INT8}:
        return False
    found = constants.add(graph, node)
    operands = [(operand.multiplier, operand.shift) for operand in (found.a, found.b)]
    if found.form is Form.TWICE:
        shifts = [shift for multiplier, shift in operands if (multiplier, shift) != _HALF]
        return (
            not found.subtract
            and _HALF in operands
            and all(shift < 0 for shift in (*shifts, found.out_shift))
        )
    largest = 255 * sum(abs(multiplier) for multiplier, _ in operands)
    return largest + (129 << found.out_shift) < _LARGEST_ONCE


def _averages(graph: Graph, node: Node) -> bool:
    return (
        is_int8(graph, node)
        and is_single_image(graph, node)
        and math.prod(pair(node, "kernel")) <= _POSITIONS_IN_INT16
    )


_DOT = ("mve/dot_2x4.S", "mve/dot_1x4.S")

KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "mve/conv2d_s8", "conv2d", _convolves, costs_mve.CONVOLUTION, _convolution_scratch,
        sources=(*_DOT, "mve/patch_2.S"),
    ),
    Kernel(
        "mve/pointwise_conv2d_s8", "conv2d", _pointwise, costs_mve.POINTWISE, _pointwise_scratch,
        flat=True, granule=2, sources=_DOT,
    ),
    Kernel(
        "mve/pointwise_conv2d_s8", "linear", _weighs, costs_mve.POINTWISE, _pointwise_scratch,
        flat=True, granule=2, sources=_DOT,
    ),
    Kernel(
        "mve/linear_s8", "linear", _weighs, costs_mve.LINEAR, _linear_scratch, flat=True,
        sources=("mve/dot_1x4.S",),
    ),
    Kernel(
        "mve/depthwise_conv2d_s8", "depthwise_conv2d", _depthwise, costs_mve.DEPTHWISE,
        _depthwise_scratch, sources=("mve/depthwise_2x4.S", "mve/weave_3.S"),
    ),
    Kernel(
        "mve/depthwise_conv2d_large_s8", "depthwise_conv2d", _depthwise_large,
        costs_mve.DEPTHWISE_LARGE, _depthwise_scratch,
        sources=("mve/depthwise_2x4.S", "mve/weave_3.S"),
    ),
    Kernel(
        "mve/add_s8", "add", _adds, costs_mve.ADD, flat=True, granule=4, buffered=True,
        sources=("mve/add_4.S",),
    ),
    Kernel(
        "mve/add_s8", "sub", _adds, costs_mve.ADD, flat=True, granule=4, buffered=True,
        sources=("mve/add_4.S",),
    ),
    Kernel("mve/avg_pool2d_s8", "avg_pool2d", _averages, costs_mve.AVERAGE),
    Kernel("mve/mean_s8", "mean", averages_positions, costs_mve.MEAN),
    Kernel(
        "mve/lookup_s8", "lookup", looks_up, costs_mve.LOOKUP, flat=True, granule=16, buffered=True
    ),
    *SPARSE,
)  # fmt: skip
