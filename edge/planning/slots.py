"""The memory of states, which nothing else may take."""

from __future__ import annotations

from collections.abc import Mapping

from edge.ir import Graph


def slots(graph: Graph, owner: Mapping[str, str]) -> set[str]:
    """The tensors whose bytes nothing else may take, not even between inferences."""
    return {owner[state.read] for state in graph.states}
