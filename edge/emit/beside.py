"""What a layer with sparse weights would be without: for reports, dense beside sparse."""

from __future__ import annotations

from typing import Any

from edge.emit.descriptors import describe
from edge.emit.layers import Layer
from edge.ir import Graph
from edge.planning.choice import kernel_named, without_sparsity
from edge.planning.plan import Step


def dense_beside(graph: Graph, layer: Layer) -> dict[str, Any] | None:
    """Kernel, predicted instructions and bytes of constants of a sparse layer's dense form.

    `predicted` is what the planner compared: the layer as it is, then as it would be. None for
    layers whose kernel reads all weights.
    """
    node = layer.node
    chosen = kernel_named(layer.step.kernel, node.op)
    if not chosen.sparse:
        return None
    dense = without_sparsity(graph, node, chosen)
    described = describe(graph, node, Step(node.name, dense.name, layer.step.rows), "dense")
    return {
        "kernel": dense.name,
        "predicted": chosen.cost(graph, node),
        "dense_predicted": dense.cost(graph, node),
        "dense_weight_bytes": sum(array.data.nbytes for array in described.arrays),
    }
