"""Remove nodes whose results nobody uses; unused constants and states go with them."""

from __future__ import annotations

from dataclasses import replace

from edge.ir import Graph


def run(graph: Graph) -> Graph:
    states, wanted = graph.states, set(graph.outputs)
    while True:
        alive = _used(graph, wanted)
        more = {state.written for state in states if state.read in alive} - wanted
        if not more:
            break
        wanted |= more
    kept = (node for node in graph.nodes if alive.intersection(node.outputs))
    remaining = tuple(state for state in states if state.read in alive)
    return replace(graph, states=remaining).with_nodes(kept)


def _used(graph: Graph, wanted: set[str]) -> set[str]:
    """All values that `wanted` depend on, and themselves."""
    used = set(wanted)
    for node in reversed(graph.nodes):
        if used.intersection(node.outputs):
            used.update(node.inputs)
    return used
