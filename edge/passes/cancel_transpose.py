"""Compose adjacent transposes and adjacent reshapes, and turn transposes that move no byte into
reshapes, which cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from edge.ir import Graph, Node
from edge.passes.rewrite import ints, same_quantization, substitute, sweep


def run(graph: Graph) -> Graph:
    return sweep(graph, _compose)


def _compose(graph: Graph, node: Node) -> Graph | None:
    if node.op not in _RULES or not same_quantization(graph, node.inputs[0], node.output):
        return None
    composed = _RULES[node.op](graph, node)
    if composed is None:
        return None
    changed = substitute(graph, {node.name: [composed]})
    return _compose(changed, composed) or changed


def _producer(graph: Graph, node: Node) -> Node | None:
    """The node before, if it is of the same kind and keeps stored values."""
    producer = graph.producers.get(node.inputs[0])
    if producer is None or producer.op != node.op:
        return None
    return producer if same_quantization(graph, producer.inputs[0], node.output) else None


def _transpose(graph: Graph, node: Node) -> Node | None:
    before, permutation = _producer(graph, node), ints(node, "permutation")
    composed = node
    if before:
        first = ints(before, "permutation")
        permutation = tuple(first[axis] for axis in permutation)
        composed = replace(node, inputs=before.inputs, attrs={"permutation": permutation})
    shape = graph.type(composed.inputs[0]).shape
    moved = [axis for axis in permutation if shape[axis] > 1]
    if moved == sorted(moved):
        attrs = {"shape": graph.type(node.output).shape}
        composed = replace(composed, op="reshape", attrs=attrs)
    return None if composed is node else composed


def _reshape(graph: Graph, node: Node) -> Node | None:
    before = _producer(graph, node)
    return replace(node, inputs=before.inputs) if before else None


_RULES: Mapping[str, Callable[[Graph, Node], Node | None]] = {
    "transpose": _transpose,
    "reshape": _reshape,
}
