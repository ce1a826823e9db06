"""Quantities of kernels that make several pixels of a run at a time and the rest one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.ir import Graph, Node, macs
from edge.planning.costs import calls, channels, pixels


@dataclass(frozen=True)
class Runs:
    """A flat kernel sees all pixels in one run, the others those of a row.

    `together` pixels are made at a time; 1 stands for a kernel that makes all one by one.
    """

    flat: bool
    together: int = 4

    def blocks(self, graph: Graph, node: Node) -> int:
        """Groups of pixels that are made together."""
        shape = graph.type(node.output).shape
        rows, width = (
            (1, math.prod(shape[:-1])) if self.flat else (math.prod(shape[:-2]), shape[-2])
        )
        return rows * (width // self.together) if self.together > 1 else 0

    def singles(self, graph: Graph, node: Node) -> int:
        """Pixels that are made one by one."""
        return pixels(graph, node) - self.together * self.blocks(graph, node)

    def turns(self, graph: Graph, node: Node) -> int:
        """Both of them."""
        return self.blocks(graph, node) + self.singles(graph, node)

    def macs_together(self, graph: Graph, node: Node) -> float:
        return macs(graph, node) - self.macs_alone(graph, node)

    def macs_alone(self, graph: Graph, node: Node) -> float:
        return macs(graph, node) * self.singles(graph, node) / pixels(graph, node)

    def outputs_together(self, graph: Graph, node: Node) -> int:
        return self.together * self.blocks(graph, node) * channels(graph, node)

    def outputs_alone(self, graph: Graph, node: Node) -> int:
        return self.singles(graph, node) * channels(graph, node)

    def turns_by_rows(self, graph: Graph, node: Node) -> int:
        """Rows of the windows of all turns."""
        return graph.type(node.inputs[1]).shape[1] * self.turns(graph, node)

    def kernel_calls(self, graph: Graph, node: Node) -> int:
        """Calls of the kernel for the whole operator."""
        return 1 if self.flat else calls(graph, node)
