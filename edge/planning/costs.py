"""Cost rules that the kernel tables share: estimated instructions by what an operator handles."""

from __future__ import annotations

import math

from edge.ir import Graph, Node, macs
from edge.planning.kernels import Measure, pair


def per_mac(instructions: int) -> Measure:
    """Proportional to the multiply-accumulates."""
    return lambda graph, node: instructions * macs(graph, node)


def per_output(instructions: int) -> Measure:
    """Proportional to the elements of the output."""
    return lambda graph, node: instructions * graph.type(node.output).elements


def per_input(instructions: int) -> Measure:
    """Proportional to the elements of the first input."""
    return lambda graph, node: instructions * graph.type(node.inputs[0]).elements


def per_window(instructions: int) -> Measure:
    """Proportional to the positions under the pooling windows of all outputs."""

    def cost(graph: Graph, node: Node) -> int:
        window = math.prod(pair(node, "kernel"))
        return instructions * window * graph.type(node.output).elements

    return cost
