"""Remove nodes whose results nobody uses; unused constants go with them."""

from __future__ import annotations

from edge.ir import Graph, Node


def run(graph: Graph) -> Graph:
    used = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if used.intersection(node.outputs):
            kept.append(node)
            used.update(node.inputs)
    return graph.with_nodes(reversed(kept))
