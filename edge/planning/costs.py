"""Cost rules that the kernel tables share: estimated instructions by what an operator handles.

A cost is a sum of quantities, each times a coefficient. The quantities are known to the planner,
the coefficients come from counts: tests/bench/fit_costs.py measures the kernels on a grid of layers
in emulators and fits them (least squares of the relative errors, no coefficient negative).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from edge.ir import Graph, Node, Rounding, macs
from edge.planning.kernels import pair
from edge.planning.rows import row_count

Quantity = Callable[[Graph, Node], float]


@dataclass(frozen=True)
class Cost:
    """Estimated instructions of a whole operator: pairs of a coefficient and a quantity."""

    terms: tuple[tuple[float, Quantity], ...]

    def __call__(self, graph: Graph, node: Node) -> int:
        return int(sum(factor * quantity(graph, node) for factor, quantity in self.terms))


def total(*terms: tuple[float, Quantity]) -> Cost:
    """The cost of these terms."""
    return Cost(terms)


def outputs(graph: Graph, node: Node) -> int:
    """Elements of the output."""
    return graph.type(node.output).elements


def rounded_twice(graph: Graph, node: Node) -> int:
    """Elements of the output if they are scaled in two roundings, which takes longer."""
    return 0 if graph.rounding is Rounding.SINGLE else outputs(graph, node)


def inputs(graph: Graph, node: Node) -> int:
    """Elements of the first input."""
    return graph.type(node.inputs[0]).elements


def pixels(graph: Graph, node: Node) -> int:
    """Positions of the output, all channels together."""
    return math.prod(graph.type(node.output).shape[:-1])


def channels(graph: Graph, node: Node) -> int:
    """Channels of the output."""
    return graph.type(node.output).shape[-1]


def taps(graph: Graph, node: Node) -> int:
    """Positions of a filter's window, all outputs together."""
    return math.prod(graph.type(node.inputs[1]).shape[1:3]) * outputs(graph, node)


def positions(graph: Graph, node: Node) -> int:
    """Elements under the pooling windows of all outputs."""
    return math.prod(pair(node, "kernel")) * outputs(graph, node)


def repeats_of_operand(graph: Graph, node: Node) -> int:
    """How often an operand with several elements is read again from its start."""
    made = outputs(graph, node)
    smallest = min(graph.type(name).elements for name in node.inputs)
    return made // smallest if 1 < smallest < made else 0


def calls(graph: Graph, node: Node) -> int:
    """Calls of a kernel that makes a row at a time."""
    return row_count(graph.type(node.output))


def once(graph: Graph, node: Node) -> int:
    """One for an operator: what a call takes whatever it handles."""
    return 1


def per_mac(instructions: float) -> Cost:
    """Proportional to the multiply-accumulates."""
    return total((instructions, macs))


def per_output(instructions: float) -> Cost:
    """Proportional to the elements of the output."""
    return total((instructions, outputs))


def per_input(instructions: float) -> Cost:
    """Proportional to the elements of the first input."""
    return total((instructions, inputs))


def per_window(instructions: float) -> Cost:
    """Proportional to the positions under the pooling windows of all outputs."""
    return total((instructions, positions))
