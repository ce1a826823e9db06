"""How passes change a graph: visit nodes in order and replace some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from edge.ir import Graph, Node, Quantization, Value
from edge.ir.ops import attributes

Step = Callable[[Graph, Node], Graph | None]


def sweep(graph: Graph, step: Step) -> Graph:
    """Visit every node once, in order; `step` returns a changed graph, or None to leave it.

    A node sees the changes made before it. Nodes that a change removed or added are not visited.
    """
    for name in [node.name for node in graph.nodes]:
        node = next((node for node in graph.nodes if node.name == name), None)
        changed = step(graph, node) if node else None
        graph = changed or graph
    return graph


def substitute(
    graph: Graph, replacements: Mapping[str, Iterable[Node]], values: Iterable[Value] = ()
) -> Graph:
    """The graph with nodes, given by name, replaced by any number of others."""
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes.extend(replacements.get(node.name, (node,)))
    return graph.with_nodes(nodes, values)


def sole_reader(graph: Graph, name: str) -> Node | None:
    """The one node that reads a value, if nothing else does and no output or state needs it."""
    readers = graph.consumers[name]
    if len(readers) != 1 or name in graph.kept or readers[0].inputs.count(name) != 1:
        return None
    return readers[0]


def same_quantization(graph: Graph, a: str, b: str) -> bool:
    """Whether moving stored values of `a` into `b` keeps their meaning; always true for float."""
    return graph.type(a).quantization == graph.type(b).quantization


def quantization_of(graph: Graph, name: str) -> Quantization:
    """The quantization of an int8 value. Raises ValueError if it has none."""
    quantization = graph.type(name).quantization
    if quantization is None:
        raise ValueError(f"{name} has no quantization")
    return quantization


def ints(node: Node, attribute: str) -> tuple[int, ...]:
    """An attribute that is a tuple of integers, or its default."""
    return cast("tuple[int, ...]", attributes(node)[attribute])
