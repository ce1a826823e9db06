"""Fold zero padding along height and width into the convolution that reads it.

Pooling is left alone: its own padding does not count as zeros.
"""

from __future__ import annotations

from dataclasses import replace

from edge.ir import Graph, Node
from edge.passes.rewrite import ints, same_quantization, sole_reader, substitute, sweep


def run(graph: Graph) -> Graph:
    return sweep(graph, _fold)


def _fold(graph: Graph, node: Node) -> Graph | None:
    if node.op != "pad" or not _is_spatial_zero(graph, node):
        return None
    reader = sole_reader(graph, node.output)
    if reader is None or reader.op not in ("conv2d", "depthwise_conv2d"):
        return None
    _, _, top, bottom, left, right, _, _ = ints(node, "padding")
    added = (top, bottom, left, right)
    padding = tuple(a + b for a, b in zip(ints(reader, "padding"), added, strict=True))
    if not _within_window(graph, reader, padding):
        return None
    inputs = (node.inputs[0], *reader.inputs[1:])
    folded = replace(reader, inputs=inputs, attrs={**reader.attrs, "padding": padding})
    return substitute(graph, {reader.name: [folded], node.name: []})


def _is_spatial_zero(graph: Graph, node: Node) -> bool:
    padding = ints(node, "padding")
    if len(padding) != 8 or any(padding[:2]) or any(padding[6:]):
        return False
    return node.attrs.get("value", 0.0) == 0 and same_quantization(
        graph, node.inputs[0], node.output
    )


def _within_window(graph: Graph, conv: Node, padding: tuple[int, ...]) -> bool:
    """Every window touches the input: kernels may rely on it."""
    kernel = graph.type(conv.inputs[1]).shape[1:3]
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, ints(conv, "dilation"), strict=True)]
    return max(padding[:2]) < spans[0] and max(padding[2:]) < spans[1]
