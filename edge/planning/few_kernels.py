"""Fewer kernels for less code: a kernel goes if others in use do its work nearly as quickly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.ir import Graph, Node
from edge.planning.kernels import Kernel

_ALLOWED = 1 / 32
"""How much slower, in all, the remaining kernels may be."""

Options = Mapping[str, Sequence[Kernel]]


def with_few_kernels(graph: Graph, options: Options) -> dict[str, list[Kernel]]:
    """Of the kernels of each node, cheapest first, those that are worth their code.

    Of the kernels that are some node's cheapest, one after the other is dropped, the one that
    others in use replace at the least cost first. Kernels with less scratch than what remains
    stay, for plans that must save memory.
    """
    used = {kernels[0].name for kernels in options.values()}
    left = sum(k[0].cost(graph, n) for n, k in _nodes(graph, options)) * _ALLOWED
    while True:
        losses = {name: _loss(graph, options, used, name) for name in sorted(used)}
        name = min(losses, key=lambda each: losses[each])
        if losses[name] > left:
            return {node.name: _kept(graph, node, k, used) for node, k in _nodes(graph, options)}
        left -= losses[name]
        used.remove(name)


def _nodes(graph: Graph, options: Options) -> list[tuple[Node, Sequence[Kernel]]]:
    return [(node, options[node.name]) for node in graph.nodes]


def _loss(graph: Graph, options: Options, used: set[str], name: str) -> float:
    """Instructions that the graph takes more without a kernel; infinite where nothing else runs."""
    total = 0.0
    for node, kernels in _nodes(graph, options):
        fitting = [k for k in kernels if k.name in used]
        if fitting[0].name == name:
            other = fitting[1].cost(graph, node) if fitting[1:] else float("inf")
            total += other - fitting[0].cost(graph, node)
    return total


def _kept(graph: Graph, node: Node, kernels: Sequence[Kernel], used: set[str]) -> list[Kernel]:
    chosen = [kernel for kernel in kernels if kernel.name in used]
    least = min(kernel.scratch(graph, node) for kernel in chosen)
    return chosen + [k for k in kernels if k not in chosen and k.scratch(graph, node) < least]
