"""Fold zero padding along height and width into the convolution that reads it.

Pooling is left alone: its own padding does not count as zeros.
"""

from __future__ import annotations

from dataclasses import replace

from edge.ir import Graph, Node
from edge.passes.rewrite import ints, same_quantization, sole_reader, substitute, sweep

_CONVOLUTIONS = ("conv2d", "depthwise_conv2d")


def run(graph: Graph) -> Graph:
    return sweep(graph, _fold)


def _fold(graph: Graph, node: Node) -> Graph | None:
    """Fold the pads before a convolution one by one, the nearest first."""
    pad = graph.producers.get(node.inputs[0]) if node.op in _CONVOLUTIONS else None
    if pad is None or pad.op != "pad" or not _is_spatial_zero(graph, pad):
        return None
    _, _, top, bottom, left, right, _, _ = ints(pad, "padding")
    added = (top, bottom, left, right)
    padding = tuple(a + b for a, b in zip(ints(node, "padding"), added, strict=True))
    if not (sole_reader(graph, pad.output) and _within_window(graph, node, padding)):
        return None
    inputs = (pad.inputs[0], *node.inputs[1:])
    folded = replace(node, inputs=inputs, attrs={**node.attrs, "padding": padding})
    changed = substitute(graph, {node.name: [folded], pad.name: []})
    return _fold(changed, folded) or changed


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
