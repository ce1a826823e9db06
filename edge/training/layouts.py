"""Where a training operator keeps its weight, and whether it is a product of matrices."""

from __future__ import annotations

from typing import cast

from edge.ir import Graph, Node
from edge.training.ops import TRAINING_OPS


def weight_slot(node: Node) -> int:
    """The slot that holds the weight of a layer, of its gradient or of its update."""
    slots = TRAINING_OPS[node.op].inputs
    return slots.index("high" if "high" in slots else "weight")


def is_pointwise(graph: Graph, node: Node) -> bool:
    """Whether a convolution, or its gradient, is a matrix product for each position."""
    attrs = node.attrs
    return (
        "conv2d" in node.op
        and "depthwise" not in node.op
        and "padding" in attrs
        and attrs["stride"] == (1, 1)
        and not any(cast("tuple[int, ...]", attrs["padding"]))
        and attrs["groups"] == 1
        and graph.type(node.inputs[weight_slot(node)]).shape[1:3] == (1, 1)
    )


def is_matrix_product(graph: Graph, node: Node) -> bool:
    """The same, or a linear layer."""
    return "linear" in node.op or is_pointwise(graph, node)
