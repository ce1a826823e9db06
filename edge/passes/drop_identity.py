"""Remove operators that return their input unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.ir import DType, Graph, Node
from edge.ir.ops import attributes
from edge.passes.rewrite import ints, sweep


def run(graph: Graph) -> Graph:
    return sweep(graph, _drop)


def _drop(graph: Graph, node: Node) -> Graph | None:
    is_identity = _IDENTITY.get(node.op)
    if is_identity is None or graph.type(node.inputs[0]) != graph.type(node.output):
        return None
    if not is_identity(graph, node) or not _replaceable(graph, node):
        return None
    rewired = graph.rewire({node.output: node.inputs[0]})
    return rewired.with_nodes(other for other in rewired.nodes if other.name != node.name)


def _replaceable(graph: Graph, node: Node) -> bool:
    """Outputs and states are made by nodes, and no value is kept twice."""
    source = node.inputs[0]
    if node.output not in graph.kept:
        return True
    return source in graph.producers and source not in graph.kept


def _by_type(graph: Graph, node: Node) -> bool:
    """Equal types of input and output say it all."""
    return True


def _is_int8(graph: Graph, node: Node) -> bool:
    """A float requantize is a wish for the int8 graph, not an operation."""
    return graph.type(node.output).dtype is DType.INT8


def _keeps_order(graph: Graph, node: Node) -> bool:
    permutation = ints(node, "permutation")
    return permutation == tuple(range(len(permutation)))


def _sees_one_position(graph: Graph, node: Node) -> bool:
    attrs = attributes(node)
    plain = not any(ints(node, "padding")) and attrs["activation"] == "none"
    return plain and attrs["kernel"] == attrs["stride"] == (1, 1)


_IDENTITY: Mapping[str, Callable[[Graph, Node], bool]] = {
    "reshape": _by_type,
    "slice": _by_type,
    "pad": _by_type,
    "concat": _by_type,
    "resize": _by_type,
    "mean": _by_type,
    "requantize": _is_int8,
    "transpose": _keeps_order,
    "max_pool2d": _sees_one_position,
    "avg_pool2d": _sees_one_position,
}
