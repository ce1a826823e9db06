"""How runtime/kernels/dsp/convolve_window.c cuts a row into blocks and a window into planes."""

from __future__ import annotations

from edge.ir import Graph, Node
from edge.planning.kernels import pair

PLANE_COLUMN, PLANES_BYTES = 16, 2048  # of convolve_window.c and EDGE_DSP_WINDOW_PLANES


def fours(count: int) -> int:
    """The next multiple of 4."""
    return -(-count // 4) * 4


def window_planes(graph: Graph, node: Node) -> tuple[int, int]:
    """Planes of a block and the columns of each beyond its outputs."""
    _, kernel_h, kernel_w, _ = graph.type(node.inputs[1]).shape
    stride = pair(node, "stride")[1]
    return -(-kernel_h // 2) * min(stride, kernel_w), -(-kernel_w // stride) - 1


def window_stride(graph: Graph, node: Node) -> int:
    """The stride that weights are packed for."""
    return min(pair(node, "stride")[1], graph.type(node.inputs[1]).shape[2])


def window_block(graph: Graph, node: Node, planes_bytes: int) -> int:
    """Outputs of a row that are made at a time."""
    planes, more = window_planes(graph, node)
    outputs = graph.type(node.output).shape[2]
    most = max(4, (planes_bytes // PLANE_COLUMN // planes - more) // 4 * 4)
    return fours(-(-outputs // -(-outputs // most)))
